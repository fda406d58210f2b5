/* SPDX-License-Identifier: MIT
 *
 * listen: the socket that pages are served from.
 */
#ifndef VMKEEP_WEB_LISTEN_H
#define VMKEEP_WEB_LISTEN_H

#include <stdbool.h>

#include "base/err.h"

/* "127.0.0.1:9810", "[::1]:9810", "localhost:9810", "unix:/run/vmkeep/web.sock" (group and owner
 * may connect).  The descriptor, or -1. */
int web_listen(const char *address, struct err *err);

/* The Host of a request is an address or localhost, as of whoever means this machine: not a name
 * that some page had resolved to it. */
bool web_host_is_ours(const char *host);

#endif

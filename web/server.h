/* SPDX-License-Identifier: MIT
 *
 * server: HTTP, by libmicrohttpd in a thread of its own.  Read-only: GET and HEAD, and nothing that
 * is sent changes anything.
 */
#ifndef VMKEEP_WEB_SERVER_H
#define VMKEEP_WEB_SERVER_H

#include "web/access.h"
#include "web/details.h"
#include "web/docs.h"
#include "web/site.h"

struct server;

/* fd: a socket that listens, taken over.  local: whoever connects means this machine (a Unix
 * socket), so that any Host will do.  access: NULL, none is asked for; else borrowed. */
int server_start(int fd, bool local, const struct access *access, struct site *site,
                 const struct docs *docs, const struct status_sources *details, struct server **ret,
                 struct err *err);
void server_stop(struct server *s);

#endif

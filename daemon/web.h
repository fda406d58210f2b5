/* SPDX-License-Identifier: MIT
 *
 * web: the status page's process, vmkeep-web, is kept running where the configuration has `web`:
 * begun anew when it ends, with growing pauses, and when the configuration was read again.
 */
#ifndef VMKEEP_DAEMON_WEB_H
#define VMKEEP_DAEMON_WEB_H

#include "base/err.h"

struct ev_loop;
struct web;

/* config_path: borrowed. */
struct web *web_new(struct ev_loop *loop, const char *config_path);
/* From now on at that address; NULL: nowhere. */
void web_set(struct web *w, const char *address);
/* The process dies with us. NULL: nothing. */
void web_free(struct web *w);

#endif

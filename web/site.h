/* SPDX-License-Identifier: MIT
 *
 * site: the current snapshot, between the thread that makes them and the one that serves.  While
 * somebody asks now and then it is made anew in the background, so that requests find one that is
 * fresh; a request that finds an old one waits for the next, its connection suspended.
 */
#ifndef VMKEEP_WEB_SITE_H
#define VMKEEP_WEB_SITE_H

#include <microhttpd.h>
#include <signal.h>

#include "web/snapshot.h"

struct site;

struct site *site_new(void);
void site_free(struct site *s); /* nobody is served any more */

/* Held for the caller.  NULL: the connection is suspended, and what is asked then is any; or, of
 * any, none could be made: *err. */
struct snapshot *site_take(struct site *s, struct MHD_Connection *connection, bool any,
                           struct err *err);

/* Makes snapshots until it is told to stop, which may be by a signal.  Then no request waits, nor
 * does one that comes now. */
void site_run(struct site *s, const struct status_sources *sources,
              const volatile sig_atomic_t *stop);

#endif

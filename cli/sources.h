/* SPDX-License-Identifier: MIT
 *
 * sources: what a command gathers the status from: the catalog, as of now, in the zone that the
 * daemon runs in, whatever that of the asker is.
 */
#ifndef VMKEEP_CLI_SOURCES_H
#define VMKEEP_CLI_SOURCES_H

#include "report/gather/status.h"

/* Nobody has looked at the repositories: see cli/repository_look.h. */
int sources_open(const struct config *config, struct catalog *catalog, struct status_sources *ret,
                 struct err *err);
/* As of now, again; what was opened stays.  For who has several threads: opening changes the
 * environment for a moment. */
void sources_now(struct status_sources *s);
/* The zone that the daemon's calendars and retention go by: the TZ of the last one that kept the
 * catalog, or else the system's. */
int sources_zone(struct catalog *catalog, struct zone **ret, struct err *err);
/* How the daemon is; waits a few seconds at most. */
void sources_ask_daemon(const struct config *config, struct status_daemon *ret);
/* Does what kept it from answering mean that there is none?  One that is not heard may work. */
bool sources_none_runs(enum err_code why);

/* The whole status: how the daemon is (which is asked, unless it is known to run), what lies under
 * the repositories' paths now, and all that status_gather does. */
int sources_gather(struct status_sources *s, const struct domain_names *only, struct status *ret,
                   struct err *err);

void sources_done(struct status_sources *s);

#endif

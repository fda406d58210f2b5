/* SPDX-License-Identifier: MIT
 *
 * active_jobs: the jobs that are queued or running: as they are now, by the daemon; or, when it
 * does not answer, as it left them in the catalog.
 */
#ifndef VMKEEP_CLI_ACTIVE_JOBS_H
#define VMKEEP_CLI_ACTIVE_JOBS_H

#include <jansson.h>

#include "report/gather/domains.h"

struct active_ask {
    const struct domain_name *domain; /* members NULL: all */
    int64_t limit;                    /* the newest; 0: all */
    bool json;
    bool waiting; /* with json: those too that are tried again */
};

/* Lists them on standard output.  Without the daemon that is said on standard error, and how old
 * the figures are.  Returns the exit code. */
int active_jobs_list(const struct config *config, struct catalog *catalog,
                     const struct active_ask *ask);

/* The same for who shows it himself: an array of objects as daemon/live_json.h has them. live:
 * the daemon has told them just now. */
int active_jobs_get(const struct config *config, struct catalog *catalog, json_t **ret,
                    bool *ret_live, struct err *err);

/* How many are running on that domain, or wait to, which the daemon says; none when it does not
 * run.  *ret_job: one of them. */
size_t active_jobs_of(const struct config *config, const struct domain_name *domain,
                      int64_t *ret_job);

/* The same again and again, on a terminal that is wiped each time, until somebody interrupts it or
 * nothing can be read. */
int active_jobs_watch(const struct config *config, struct catalog *catalog,
                      const struct active_ask *ask);

#endif

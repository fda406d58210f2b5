/* SPDX-License-Identifier: MIT
 *
 * outside: what the scheduler is given of the world, and what it tells of jobs.
 */
#ifndef VMKEEP_SCHEDULER_OUTSIDE_H
#define VMKEEP_SCHEDULER_OUTSIDE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/hypervisor.h"
#include "policies/config.h"
#include "storage/catalog/catalog.h"
#include "storage/store/store.h"

struct ev_loop;

/* The outside world. Borrowed; must outlive the scheduler. */
struct scheduler_env {
    struct clock *clock;
    struct catalog *catalog;
    const struct zone *zone; /* of the policies' calendars and retention periods */
    struct ev_loop
        *loop; /* where children look at files by hand; NULL: there are none to look at */
    const char *config_path; /* absolute, or NULL */
    /* NULL with *err when there is no driver for such a host. */
    struct hypervisor *(*hypervisor_new)(void *ctx, const struct config_host *host,
                                         struct err *err);
    struct store *(*store_new)(void *ctx, const struct config_repository *repository);
    double settle_s; /* so long the answers of first looks are waited for before any job begins */
    /* Everything that answers has been looked at once, or has had its time: the scheduler begins.
     * Called once, from the loop; may be NULL. */
    void (*settled)(void *ctx);
    void *ctx;
};

/* What happens to a job, for whoever listens. */
struct job_event {
    const struct job *job; /* borrowed; state JOB_ENDED with an outcome tells that it is over */
    int64_t rest;   /* of one that is over: what it has left is done by that job; 0: nothing */
    bool completed; /* a backup, and it is over now: told exactly once for each */
};

#endif

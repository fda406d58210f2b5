/* SPDX-License-Identifier: MIT */
#include "report/gather/metrics.h"

#include "base/cleanup.h"
#include "storage/catalog_figures.h"

int metrics_gather(const struct status_sources *s, const struct status *status,
                   struct job_totals *totals, struct metrics *ret, struct err *err)
{
    const struct job_filter active = {.active = true};
    CLEANUP(job_list_done) struct job_list jobs = {0};

    *ret = (struct metrics){.status = status, .totals = totals};
    if (catalog_totals(s->catalog, totals, err) < 0 ||
        catalog_jobs(s->catalog, &active, &jobs, err) < 0)
        return -1;
    /* What a daemon that is gone has left running does not run. */
    for (size_t i = 0; i < jobs.n; i++) {
        ret->running += status->daemon.running && jobs.items[i].state == JOB_RUNNING;
        ret->queued += jobs.items[i].state == JOB_QUEUED;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "report/gather/metrics.h"

#include "base/cleanup.h"
#include "storage/catalog/catalog_figures.h"
#include "storage/catalog/catalog_notify.h"

static void add_target(struct metrics *m, const struct target_state_list *states, const char *name)
{
    const struct target_state *t = target_state_find(states, name);
    struct metrics_target *added = VEC_ADD(&m->targets);

    *added = (struct metrics_target){.name = xstrdup(name)};
    if (!t)
        return; /* nothing was sent yet */
    added->sent = t->n_sent;
    added->failed = t->n_failed;
    added->lost = t->n_lost;
    added->waiting = t->waiting;
}

/* Those of the configuration alone: a series ends with its target. */
static int add_targets(const struct status_sources *s, struct metrics *m, struct err *err)
{
    CLEANUP(target_state_list_done) struct target_state_list states = {0};

    if (catalog_targets(s->catalog, &states, err) < 0)
        return -1;
    for (size_t i = 0; i < s->config->notify.n; i++)
        add_target(m, &states, s->config->notify.items[i].name);
    return 0;
}

int metrics_gather(const struct status_sources *s, const struct status *status,
                   struct job_totals *totals, struct metrics *ret, struct err *err)
{
    const struct job_filter active = {.active = true};
    CLEANUP(job_list_done) struct job_list jobs = {0};

    *ret = (struct metrics){.status = status, .totals = totals};
    if (catalog_totals(s->catalog, totals, err) < 0 ||
        catalog_jobs(s->catalog, &active, &jobs, err) < 0 || add_targets(s, ret, err) < 0)
        return -1;
    /* What a daemon that is gone has left running does not run. */
    for (size_t i = 0; i < jobs.n; i++) {
        ret->running += status->daemon.running && jobs.items[i].state == JOB_RUNNING;
        ret->queued += jobs.items[i].state == JOB_QUEUED;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * A job is admitted, oldest first, when the limits allow it: in all, on its host, on its
 * repositories; and when nobody is in its way (jobs/claims.h), always.
 */
#include "scheduler/admit.h"

#include "jobs/busy.h"
#include "scheduler/clock_watch.h"
#include "scheduler/copies.h"
#include "scheduler/core.h"
#include "scheduler/coverage.h"
#include "scheduler/queue.h"
#include "scheduler/resources.h"
#include "scheduler/watch.h"

static size_t count_admitted(const struct scheduler *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->jobs.runs.n; i++)
        n += s->jobs.runs.items[i]->admitted && queue_is_limited(s->jobs.runs.items[i]);
    return n;
}

/* Jobs whose end is worth waiting for: a pull begun by hand does not end by itself, and goes on
 * without us. */
static bool some_will_end(const struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        const struct job_run *r = s->jobs.runs.items[i];

        if (r->admitted && (queue_is_limited(r) || r->row.plan.mode != MODE_PULL || r->canceled))
            return true;
    }
    return false;
}

/* Within the limits, and in nobody's way. */
static bool may_start(struct scheduler *s, const struct job_run *r, const struct host *h)
{
    const struct config_limits *l = &s->config->limits;
    struct job_claims c;
    struct busy b;

    job_claims(r, &c);
    if (h && (h->stale || (c.limited && h->jobs >= l->jobs_per_host)))
        return false;
    for (size_t i = 0; i < c.n_repositories; i++) {
        const struct repo *repo = repo_find(&s->jobs, c.repositories[i]);

        if (repo && repo->jobs >= l->jobs_per_repository)
            return false;
    }
    b = busy_with(&s->jobs, &c, r);
    return !b.job && !b.request;
}

void admit_jobs(void *ctx)
{
    struct scheduler *s = ctx;

    clock_watch_look(s);
    if (s->jobs.draining) {
        if (s->idle && !some_will_end(s) && !copies_are_under_way(s))
            s->idle(s->idle_ctx);
        return;
    }
    if (!s->settled)
        return;
    if (resources_replace_stale(s)) {
        coverage_sync(s);
        watch_all(s);
    }
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        struct job_run *r = s->jobs.runs.items[i];
        struct host *h = host_find(&s->jobs, r->row.host);

        if (count_admitted(s) >= (size_t)s->config->limits.jobs)
            return;
        if (r->admitted || r->ending || !may_start(s, r, h))
            continue;
        queue_take_place(r, h);
        job_proceed(r);
        /* A job that could not even start is gone again: the list has moved. */
        if (i >= s->jobs.runs.n || s->jobs.runs.items[i] != r)
            i--;
    }
}

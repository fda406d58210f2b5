/* SPDX-License-Identifier: MIT
 *
 * Jobs that wait begin, oldest first, as far as the limits allow it (in all, at their host, in
 * their repositories) and nobody is in their way (jobs/claims.h), always.
 *
 * One function says what is in the way of a job: the queue lets in by it, and who asks why a job
 * waits has its answer from it, so the two cannot differ.
 */
#include "scheduler/admit.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/busy.h"
#include "jobs/request.h"
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

static struct obstacle limit(enum obstacle_code code, const char *name, int places)
{
    return (struct obstacle){.code = code, .name = name, .limit = places};
}

static struct obstacle at_host(const struct scheduler *s, const struct host *h, bool limited)
{
    const struct config_limits *l = &s->config->limits;

    if (h && h->stale)
        return (struct obstacle){.code = OBSTACLE_HOST_CHANGED, .name = h->name};
    if (h && host_is_awaited(h))
        return (struct obstacle){.code = OBSTACLE_HOST, .name = h->name};
    if (h && limited && h->jobs >= l->jobs_per_host)
        return limit(OBSTACLE_HOST_LIMIT, h->name, l->jobs_per_host);
    return (struct obstacle){.code = OBSTACLE_NONE};
}

static struct obstacle in_repositories(struct scheduler *s, const struct job_claims *c)
{
    const struct config_limits *l = &s->config->limits;

    for (size_t i = 0; i < c->n_repositories; i++) {
        const struct repo *repo = repo_find(&s->jobs, c->repositories[i]);

        if (repo && repo->jobs >= l->jobs_per_repository)
            return limit(OBSTACLE_REPO_LIMIT, repo->name, l->jobs_per_repository);
    }
    return (struct obstacle){.code = OBSTACLE_NONE};
}

static struct obstacle of_its_kind(const struct scheduler *s, const struct job_run *r)
{
    size_t n = 0;
    int places;

    if (!r->type->limit)
        return (struct obstacle){.code = OBSTACLE_NONE};
    for (size_t i = 0; i < s->jobs.runs.n; i++)
        n += s->jobs.runs.items[i]->admitted && s->jobs.runs.items[i]->type == r->type;
    memcpy(&places, (const char *)&s->config->limits + r->type->limit, sizeof(places));
    return n >= (size_t)places ? limit(OBSTACLE_KIND_LIMIT, r->type->kind, places)
                               : (struct obstacle){.code = OBSTACLE_NONE};
}

static struct obstacle somebody_else(struct scheduler *s, const struct job_run *r,
                                     const struct job_claims *c)
{
    const struct busy b = busy_with(&s->jobs, c, r);

    return (struct obstacle){
        .code = b.claim == CLAIM_GUEST   ? OBSTACLE_GUEST
                : b.claim == CLAIM_CHAIN ? OBSTACLE_CHAIN
                                         : OBSTACLE_NONE,
        .job = b.job ? &b.job->row : NULL,
        .request = b.request ? b.request->what : NULL,
    };
}

/* running: how many count against the limit in all. */
static struct obstacle in_the_way(struct scheduler *s, const struct job_run *r, size_t running)
{
    const int places = s->config->limits.jobs;
    struct obstacle ret;
    struct job_claims c;

    if (s->jobs.draining)
        return (struct obstacle){.code = OBSTACLE_STOP};
    if (!s->settled)
        return (struct obstacle){.code = OBSTACLE_START};
    if (running >= (size_t)places)
        return limit(OBSTACLE_LIMIT, NULL, places);
    job_claims(r, &c);
    ret = at_host(s, host_find(&s->jobs, r->row.host), c.limited);
    if (ret.code == OBSTACLE_NONE)
        ret = in_repositories(s, &c);
    if (ret.code == OBSTACLE_NONE)
        ret = of_its_kind(s, r);
    return ret.code == OBSTACLE_NONE ? somebody_else(s, r, &c) : ret;
}

void admit_obstacle(struct scheduler *s, const struct job_run *r, struct obstacle *ret)
{
    if (job_rests(r))
        job_obstacle(r, ret);
    else
        *ret = in_the_way(s, r, count_admitted(s));
}

static bool has_place(const struct scheduler *s, const struct job_run *r, const struct obstacle *o)
{
    if (!r->admitted)
        return false;
    if (o->code == OBSTACLE_LIMIT)
        return queue_is_limited(r);
    if (o->code == OBSTACLE_HOST_LIMIT)
        return queue_is_limited(r) && r->host && str_eq(r->host->name, o->name);
    if (o->code == OBSTACLE_KIND_LIMIT)
        return str_eq(r->type->kind, o->name);
    for (size_t i = 0; i < r->repos.n && o->code == OBSTACLE_REPO_LIMIT; i++)
        if (str_eq(r->repos.items[i]->name, o->name))
            return true;
    (void)s;
    return false;
}

size_t admit_holders(struct scheduler *s, const struct obstacle *o, int64_t *ret, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < s->jobs.runs.n && n < max; i++)
        if (has_place(s, s->jobs.runs.items[i], o))
            ret[n++] = s->jobs.runs.items[i]->row.id;
    return n;
}

/* The one at i, or somebody before it, may be gone after it. */
static void begin(struct scheduler *s, struct job_run *r)
{
    job_meets_nothing(r);
    queue_take_place(r, host_find(&s->jobs, r->row.host));
    job_proceed(r);
}

static void admit_queued(struct scheduler *s)
{
    size_t running = count_admitted(s);

    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        struct job_run *r = s->jobs.runs.items[i];
        struct obstacle o;

        if (r->admitted || r->ending || job_rests(r))
            continue;
        o = in_the_way(s, r, running);
        if (o.code != OBSTACLE_NONE) {
            job_meets(r, &o);
            continue;
        }
        begin(s, r);
        running = count_admitted(s);
        /* A job that could not even start is gone again: the list has moved. */
        if (i >= s->jobs.runs.n || s->jobs.runs.items[i] != r)
            i--;
    }
}

void admit_jobs(void *ctx)
{
    struct scheduler *s = ctx;

    clock_watch_look(s);
    if (!s->jobs.draining && s->settled && resources_replace_stale(s)) {
        coverage_sync(s);
        watch_all(s);
    }
    admit_queued(s);
    if (s->jobs.draining && s->idle && !some_will_end(s) && !copies_are_under_way(s))
        s->idle(s->idle_ctx);
}

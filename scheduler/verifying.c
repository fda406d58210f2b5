/* SPDX-License-Identifier: MIT
 *
 * Verifications by the calendar.  When a policy had its last one is in the catalog; what came due
 * since then is made up for once, however often that was.  A clock that was set back costs one more
 * at the worst.
 */
#include "scheduler/verifying.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/verify.h"
#include "policies/verification.h"
#include "scheduler/core.h"
#include "storage/catalog/catalog_reading.h"

#define DUE_NOW 60 /* what came due so short a time ago was not missed */

/* The points of the policy that are of one chain with the first that was not taken yet. */
static void take_chain(const struct point_list *points, bool *taken, struct point_list *ret)
{
    const struct point *first = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (taken[i] ||
            (first && !(str_eq(p->host, first->host) && str_eq(p->domain, first->domain) &&
                        str_eq(p->repository, first->repository))))
            continue;
        first = first ? first : p;
        taken[i] = true;
        point_copy(VEC_ADD(ret), p);
    }
}

static int queue_chains(struct scheduler *s, const struct config_policy *p, int64_t due,
                        struct err *err)
{
    const struct point_filter of = {.policy = p->name};
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP_FREE bool *taken = NULL;
    int64_t now = env_now(&s->jobs), next = verification_next(&p->verify, s->env.zone, now);

    if (catalog_points(s->env.catalog, &of, &points, err) < 0)
        return -1;
    taken = xcalloc(points.n + 1, sizeof(*taken));
    for (;;) {
        CLEANUP(point_list_done) struct point_list chain = {0};
        CLEANUP(strlist_done) struct strlist ids = {0};
        struct job_run *r;

        take_chain(&points, taken, &chain);
        if (chain.n == 0)
            return 0;
        verification_plan(&p->verify, &chain, now, next, &ids);
        if (ids.n == 0 || !repo_find(&s->jobs, chain.items[0].repository))
            continue;
        if (verify_queue(&s->jobs,
                         &(struct verify_order){.host = chain.items[0].host,
                                                .domain = chain.items[0].domain,
                                                .policy = p->name,
                                                .repository = chain.items[0].repository,
                                                .points = &ids,
                                                .due = due,
                                                .why = "scheduled: verification"},
                         &r, err) < 0)
            return -1;
    }
}

/* The latest time of the schedule that has come; 0: none has since the last run. */
static int64_t latest_due(const struct scheduler *s, const struct config_policy *p, int64_t last,
                          int64_t now)
{
    int64_t ret = 0, t = verification_next(&p->verify, s->env.zone, last);

    for (int i = 0; t && t <= now && i < 10000; i++) {
        ret = t;
        t = verification_next(&p->verify, s->env.zone, t);
    }
    return ret;
}

/* ret: when the policy's next is due; 0: never. */
static int look(struct scheduler *s, const struct config_policy *p, int64_t *ret, struct err *err)
{
    int64_t now = env_now(&s->jobs), since, last, due;

    *ret = 0;
    if (p->verify.schedule.n == 0)
        return catalog_schedule_forget(s->env.catalog, p->name, JOB_VERIFY, err);
    if (catalog_schedule(s->env.catalog, p->name, JOB_VERIFY, now, &since, &last, err) < 0)
        return -1;
    if (last > now) {
        MARK("the clock was set back before the last verification");
        last = now;
        if (catalog_schedule_ran(s->env.catalog, p->name, JOB_VERIFY, now, err) < 0)
            return -1;
    }
    due = latest_due(s, p, last, now);
    if (due) {
        if ((p->catch_up || due >= now - DUE_NOW) && queue_chains(s, p, due, err) < 0)
            return -1;
        if (catalog_schedule_ran(s->env.catalog, p->name, JOB_VERIFY, now, err) < 0)
            return -1;
    }
    *ret = verification_next(&p->verify, s->env.zone, now);
    return 0;
}

void verifying_due(void *scheduler)
{
    struct scheduler *s = scheduler;
    struct err err = ERR_INIT;
    int64_t first = 0;

    s->env.clock->ops->stop(s->env.clock, &s->verify);
    for (size_t i = 0; i < s->config->policies.n && s->settled && !s->jobs.draining; i++) {
        int64_t next;

        if (look(s, &s->config->policies.items[i], &next, &err) < 0) {
            catalog_trouble(&s->jobs, "queue verifications that are due", &err);
            next = env_now(&s->jobs) + DUE_NOW;
        }
        if (next && (!first || next < first))
            first = next;
    }
    if (first)
        s->env.clock->ops->at(s->env.clock, &s->verify, first);
}

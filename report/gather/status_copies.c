/* SPDX-License-Identifier: MIT
 *
 * Of the status: is in each second repository what is to be there by now?
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/copying.h"
#include "report/gather/points.h"
#include "report/gather/status_priv.h"
#include "storage/catalog/catalog_copy.h"

static bool is_at_work(const struct job_list *active, const struct domain_name *d,
                       const char *policy, const char *repository)
{
    for (size_t i = 0; i < active->n; i++) {
        const struct job *j = &active->items[i];

        if (str_eq(j->kind, JOB_COPY) && str_eq(j->domain, d->domain) && str_eq(j->host, d->host) &&
            str_eq(j->policy, policy) && str_eq(j->repository, repository))
            return true;
    }
    return false;
}

static int last_failure(const struct status_sources *s, const struct domain_name *d,
                        const char *policy, char **ret, struct err *err)
{
    struct job_end end = {0};

    if (catalog_last_of_kind(s->catalog, d->host, d->domain, policy, JOB_COPY, &end, err) < 0)
        return -1;
    if (end.id && end.outcome != OUTCOME_SUCCESS)
        *ret = xasprintf("job %lld: %s", (long long)end.id, end.reason ? end.reason : "");
    free(end.reason);
    return 0;
}

/* Missing ones are made again by the next copy, or lie on a disk that is away: no damage. */
static void look_at_copies(const struct point_list *copies, const struct point *newest,
                           struct status_copies *ret)
{
    for (size_t i = 0; i < copies->n; i++) {
        const struct point *c = &copies->items[i];

        ret->points += c->state == POINT_GOOD;
        ret->has_newest |= newest && c->state == POINT_GOOD && str_eq(c->copy_of, newest->id);
        if (c->state == POINT_GOOD && c->created > ret->last)
            ret->last = c->created;
        if (c->state != POINT_DAMAGED)
            continue;
        ret->damaged++;
        free(ret->damage);
        ret->damage = xasprintf("%s: %s", c->id, c->problem ? c->problem : "not recorded why");
    }
}

static const struct point *newest_good(const struct point_list *points, int64_t created)
{
    for (size_t i = points->n; created && i > 0; i--)
        if (points->items[i - 1].created == created && points->items[i - 1].state == POINT_GOOD)
            return &points->items[i - 1];
    return NULL;
}

static int look(const struct status_sources *s, const struct domain_name *d,
                const struct config_policy *policy, const struct config_copies *to,
                const struct point_list *points, int64_t newest, struct status_copies *ret,
                struct err *err)
{
    const struct copying_rules rules = {&to->keep, s->zone, s->now};
    CLEANUP(point_list_done) struct point_list copies = {0};
    struct copy_step_list steps = {0};
    int64_t due;

    ret->repository = xstrdup(to->repository);
    if (catalog_copies_in(s->catalog, d->host, d->domain, policy->name, to->repository, &copies,
                          err) < 0)
        return -1;
    look_at_copies(&copies, newest_good(points, newest), ret);
    copying_plan(&rules, points, &copies, &steps);
    due = copying_due_time(&steps, &to->schedule, s->zone);
    for (size_t i = 0; i < steps.n && due && due <= s->now; i++) {
        if (steps.items[i].carried)
            continue;
        ret->behind++;
        if (!ret->oldest || steps.items[i].of->created < ret->oldest)
            ret->oldest = steps.items[i].of->created;
    }
    free(steps.items);
    return ret->behind ? last_failure(s, d, policy->name, &ret->problem, err) : 0;
}

int status_add_copies(const struct status_sources *s, const struct domain_name *d,
                      const struct config_policy *policy, const struct job_list *active,
                      struct status_policy *ret, struct err *err)
{
    const struct point_filter of = {.host = d->host, .domain = d->domain, .policy = policy->name};
    CLEANUP(point_list_done) struct point_list points = {0};

    if (policy->copy_to.n == 0)
        return 0;
    if (points_gather(s->catalog, &of, s->now, &points, err) < 0)
        return -1;
    for (size_t i = 0; i < policy->copy_to.n; i++) {
        const struct config_copies *to = &policy->copy_to.items[i];
        struct status_copies *c = VEC_ADD(&ret->copies);

        if (look(s, d, policy, to, &points, ret->last_good, c, err) < 0)
            return -1;
        c->active = is_at_work(active, d, policy->name, to->repository);
    }
    return 0;
}

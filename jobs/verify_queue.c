/* SPDX-License-Identifier: MIT
 *
 * Which verifications are queued: one for each domain, policy and repository that has points which
 * are to be read.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/verify.h"

static bool same_chain(const struct job *a, const struct verify_order *o)
{
    return str_eq(a->host, o->host) && str_eq(a->domain, o->domain) &&
           str_eq(a->policy, o->policy) && str_eq(a->repository, o->repository) &&
           (a->due != 0) == (o->due != 0);
}

int verify_queue(struct job_env *e, const struct verify_order *o, struct job_run **ret,
                 struct err *err)
{
    struct job row = {
        .kind = verify_type.kind,
        .host = (char *)o->host,
        .domain = (char *)o->domain,
        .policy = (char *)o->policy,
        .repository = (char *)o->repository,
        .why = (char *)o->why,
        .due = o->due,
        .sample = o->sample,
        .points = o->points,
    };

    for (size_t i = 0; i < e->runs.n && o->due; i++) {
        *ret = e->runs.items[i];
        if ((*ret)->type == &verify_type && same_chain(&(*ret)->row, o))
            return 0;
    }
    return e->ops->add(e, &row, ret, err);
}

static bool is_of(const struct point *p, const struct point *q)
{
    return str_eq(p->host, q->host) && str_eq(p->domain, q->domain) &&
           str_eq(p->policy, q->policy) && str_eq(p->repository, q->repository);
}

/* Those of ids that are of one chain with the first of them leave the list. */
static int queue_chain(struct job_env *e, const struct point_list *all, struct strlist *ids,
                       int sample, struct job_ids *ret, struct err *err)
{
    const struct point *first = point_list_find(all, ids->items[0]);
    CLEANUP(strlist_done) struct strlist mine = {0};
    struct strlist rest = {0};
    struct job_run *r;

    for (size_t i = 0; i < ids->n; i++)
        strlist_add(is_of(point_list_find(all, ids->items[i]), first) ? &mine : &rest,
                    ids->items[i]);
    strlist_done(ids);
    *ids = rest;
    if (!repo_find(e, first->repository))
        return err_set(err, ERR_NOTFOUND, "%s is in repository %s, which is not configured",
                       first->id, first->repository);
    if (verify_queue(e,
                     &(struct verify_order){.host = first->host,
                                            .domain = first->domain,
                                            .policy = first->policy,
                                            .repository = first->repository,
                                            .points = &mine,
                                            .sample = sample,
                                            .why = "asked for by hand"},
                     &r, err) < 0)
        return -1;
    *VEC_ADD(ret) = r->row.id;
    return 0;
}

int verify_queue_points(struct job_env *e, const struct strlist *asked, int sample,
                        struct job_ids *ret, struct err *err)
{
    static const struct point_filter every = {.copies = true};
    CLEANUP(point_list_done) struct point_list all = {0};
    CLEANUP(strlist_done) struct strlist ids = strlist_copy(asked);

    if (env_refuse_draining(e, err) < 0 || catalog_points(e->catalog, &every, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < ids.n; i++)
        if (!point_list_find(&all, ids.items[i]))
            return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", ids.items[i]);
    while (ids.n > 0)
        if (queue_chain(e, &all, &ids, sample, ret, err) < 0)
            return -1;
    return 0;
}

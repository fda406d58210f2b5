/* SPDX-License-Identifier: MIT
 *
 * Which deletions are queued: one for each domain, policy and repository that has points which are
 * asked for.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/delete.h"
#include "jobs/survey.h"
#include "policies/dates.h"
#include "storage/catalog/catalog_copy.h"

int delete_load_group(struct job_env *e, const char *host, const char *domain, const char *policy,
                      const char *copies, struct point_list *ret, struct err *err)
{
    const struct point_filter of = {.host = host, .domain = domain, .policy = policy};
    int rc = copies ? catalog_copies_in(e->catalog, host, domain, policy, copies, ret, err)
                    : catalog_points(e->catalog, &of, ret, err);

    if (rc < 0)
        return -1;
    points_judge_dates(ret, env_now(e));
    return 0;
}

static int check_place(struct job_env *e, const struct point *p, struct err *err)
{
    const struct repo *r = repo_find(e, p->repository);

    if (!r)
        return err_set(err, ERR_NOTFOUND,
                       "%s is in repository %s, which is not configured; if that is lost for ever, "
                       "'vmkeep repository forget %s' takes its points out of the catalog",
                       p->id, p->repository, p->repository);
    if (survey_is_elsewhere(r, p))
        return err_set(err, ERR_NOTFOUND,
                       "%s is in repository %s, and %s has its place; if that one is lost for "
                       "ever, 'vmkeep repository forget %s' takes its points out of the catalog",
                       p->id, p->repository_id, r->store->id, p->repository_id);
    return 0;
}

/* A job that is to be queued. */
struct wanted {
    char *host, *domain, *policy, *repository;
    struct strlist points;
};

struct wanted_list {
    struct wanted *items;
    size_t n, cap;
};

static void wanted_done(struct wanted_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].host);
        free(l->items[i].domain);
        free(l->items[i].policy);
        free(l->items[i].repository);
        strlist_done(&l->items[i].points);
    }
    free(l->items);
}

static struct wanted *wanted_for(struct wanted_list *l, const struct point *p)
{
    struct wanted *w;

    for (size_t i = 0; i < l->n; i++) {
        w = &l->items[i];
        if (str_eq(w->host, p->host) && str_eq(w->domain, p->domain) &&
            str_eq(w->policy, p->policy) && str_eq(w->repository, p->repository))
            return w;
    }
    w = VEC_ADD(l);
    w->host = xstrdup(p->host);
    w->domain = xstrdup(p->domain);
    w->policy = xstrdup(p->policy);
    w->repository = xstrdup(p->repository);
    return w;
}

/* What goes of the points of one domain and policy, those asked for among them. */
static int want_group(struct job_env *e, const struct point_list *group,
                      const struct strlist *asked, const struct deletion *d,
                      struct wanted_list *ret, struct err *err)
{
    const struct deletion here = {
        .asked = asked, .dependents = d->dependents, .force = d->force, .now = env_now(e)};
    CLEANUP(letting_go_list_done) struct letting_go_list doomed = {0};

    if (deletion_plan(group, &here, &doomed, err) < 0)
        return -1;
    for (size_t i = 0; i < doomed.n; i++) {
        const struct point *p = point_list_find(group, doomed.items[i].id);

        if (check_place(e, p, err) < 0)
            return -1;
        strlist_add(&wanted_for(ret, p)->points, p->id);
    }
    return 0;
}

/* The points asked for that are in the group leave the list of those that are left. */
static void take_asked(const struct point_list *group, struct strlist *left, struct strlist *ret)
{
    struct strlist rest = {0};

    for (size_t i = 0; i < left->n; i++)
        strlist_add(point_list_find(group, left->items[i]) ? ret : &rest, left->items[i]);
    strlist_done(left);
    *left = rest;
}

static int want_all(struct job_env *e, const struct deletion *d, struct wanted_list *ret,
                    struct err *err)
{
    static const struct point_filter all = {.copies = true};
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(strlist_done) struct strlist left = strlist_copy(d->asked);

    if (catalog_points(e->catalog, &all, &points, err) < 0)
        return -1;
    while (left.n > 0) {
        const struct point *p = point_list_find(&points, left.items[0]);
        CLEANUP(point_list_done) struct point_list group = {0};
        CLEANUP(strlist_done) struct strlist asked = {0};

        if (!p)
            return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", left.items[0]);
        if (delete_load_group(e, p->host, p->domain, p->policy, p->copy_of ? p->repository : NULL,
                              &group, err) < 0)
            return -1;
        take_asked(&group, &left, &asked);
        if (want_group(e, &group, &asked, d, ret, err) < 0)
            return -1;
    }
    return 0;
}

int delete_queue(struct job_env *e, const struct deletion *d, struct job_ids *ret, struct err *err)
{
    CLEANUP(wanted_done) struct wanted_list wanted = {0};

    if (env_refuse_draining(e, err) < 0 || want_all(e, d, &wanted, err) < 0)
        return -1;
    for (size_t i = 0; i < wanted.n; i++) {
        const struct wanted *w = &wanted.items[i];
        struct job row = {
            .kind = delete_type.kind,
            .host = w->host,
            .domain = w->domain,
            .policy = w->policy,
            .repository = w->repository,
            .why = (char *)"asked for by hand",
            .force = d->force,
            .points = &w->points,
        };
        struct job_run *r;

        if (e->ops->add(e, &row, &r, err) < 0)
            return -1;
        *VEC_ADD(ret) = row.id;
    }
    return 0;
}

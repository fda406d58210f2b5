/* SPDX-License-Identifier: MIT
 *
 * What a copy job has to do, and the plan of each copy.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"
#include "jobs/copy_run.h"
#include "policies/dates.h"
#include "storage/catalog/catalog_copy.h"

void copy_work_done(struct copy_work *w)
{
    free(w->steps.items);
    point_list_done(&w->points);
    point_list_done(&w->copies);
    *w = (struct copy_work){0};
}

int copy_work_look(struct job_env *e, const char *host, const char *domain, const char *policy,
                   const char *repository, struct copy_work *ret, struct err *err)
{
    const struct config_policy *p = config_policy_find(e->config, policy);
    const struct config_copies *c = config_copies_find(p, repository);
    const struct point_filter all = {.host = host, .domain = domain, .policy = policy};

    if (!c)
        return 0;
    if (catalog_points(e->catalog, &all, &ret->points, err) < 0 ||
        catalog_copies_in(e->catalog, host, domain, policy, repository, &ret->copies, err) < 0)
        return -1;
    points_judge_dates(&ret->points, env_now(e));
    copying_plan(&(struct copying_rules){&c->keep, e->zone, env_now(e)}, &ret->points, &ret->copies,
                 &ret->steps);
    return 0;
}

int copy_queue(struct job_env *e, const char *host, const char *domain, const char *policy,
               const char *repository, const char *why, struct job_run **ret, struct err *err)
{
    struct job row = {
        .kind = JOB_COPY,
        .host = (char *)host,
        .domain = (char *)domain,
        .policy = (char *)policy,
        .repository = (char *)repository,
        .why = (char *)why,
    };

    return job_queue_once(e, &row, ret, err);
}

static int queue_if_behind(struct job_env *e, const char *host, const char *domain,
                           const char *policy, const char *repository, struct err *err)
{
    CLEANUP(copy_work_done) struct copy_work work = {0};
    struct job_run *r = NULL;

    if (copy_work_look(e, host, domain, policy, repository, &work, err) < 0)
        return -1;
    if (work.steps.n == 0)
        return 0;
    return copy_queue(e, host, domain, policy, repository, "after a backup", &r, err);
}

int copy_queue_after(struct job_env *e, const char *host, const char *domain, const char *policy,
                     struct err *err)
{
    const struct config_policy *p = config_policy_find(e->config, policy);

    for (size_t i = 0; p && i < p->copy_to.n && !e->draining; i++) {
        const struct config_copies *c = &p->copy_to.items[i];

        if (c->schedule.n == 0 && queue_if_behind(e, host, domain, policy, c->repository, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the plan of one ---- */

static void set(char **member, char *value)
{
    free(*member);
    *member = value;
}

/* What the copy has of its source, and nothing that is of the source's place alone. */
static void plan_from(const struct job_run *r, const struct point *source, struct point *ret)
{
    point_copy(ret, source);
    pin_done(&ret->pin); /* that is the other one's */
    ret->job = r->row.id;
    set(&ret->catalog, xstrdup(catalog_id(r->env->catalog)));
    set(&ret->copy_of, xstrdup(source->id));
    set(&ret->repository, xstrdup(r->row.repository));
    set(&ret->repository_id, NULL);
    set(&ret->parent, NULL);
    set(&ret->checkpoint, NULL);
    set(&ret->keep, NULL);
    set(&ret->pin.note, NULL);
    set(&ret->read.result, NULL);
    ret->pin = (struct point_pin){0};
    ret->read = (struct point_read){0};
    ret->level = LEVEL_FULL;
    for (size_t i = 0; i < ret->disks.n; i++) {
        struct point_disk *d = &ret->disks.items[i];

        set(&d->backing, NULL);
        set(&d->digest, NULL);
        set(&d->origin.bitmap, NULL);
        d->bytes = d->length = 0;
    }
    set(&ret->id, point_id_make(ret));
}

static void put_on(struct point *plan, const struct copy_step *s)
{
    for (size_t i = 0; i < plan->disks.n; i++)
        if (copying_disk_stands_on(&s->of->disks.items[i], s->on)) {
            set(&plan->disks.items[i].backing, xstrdup(s->on->id));
            plan->level = LEVEL_INCREMENTAL;
        }
    if (plan->level == LEVEL_INCREMENTAL)
        set(&plan->parent, xstrdup(s->on->id));
}

int copy_plan_next(struct job_run *r, bool *ret, struct err *err)
{
    struct copy_run *run = copy_of_run(r);
    CLEANUP(copy_work_done) struct copy_work work = {0};
    const struct copy_step *s;

    *ret = false;
    if (copy_work_look(r->env, r->row.host, r->row.domain, r->row.policy, r->row.repository, &work,
                       err) < 0)
        return -1;
    run->left = work.steps.n;
    if (run->left == 0)
        return 0;
    s = &work.steps.items[0];
    point_done(&run->source);
    point_copy(&run->source, s->of);
    point_done(&r->row.plan);
    plan_from(r, s->of, &r->row.plan);
    if (run->made > 0 && point_list_find(&work.copies, r->row.plan.id)) {
        run->gives_way = run->has_its_name = true;
        point_done(&r->row.plan);
        return 0;
    }
    if (s->on && !str_eq(run->whole, s->of->id))
        put_on(&r->row.plan, s);
    run->bytes_rest = 0;
    for (size_t i = 1; i < work.steps.n; i++)
        run->bytes_rest += work.steps.items[i].bytes;
    r->row.bytes_total = run->bytes_before + s->bytes + run->bytes_rest;
    r->row.level = r->row.plan.level;
    *ret = true;
    return catalog_copy_begin(r->env->catalog, r->row.id, &r->row.plan, err);
}

int copy_plan_again(struct job_run *r, struct err *err)
{
    const struct point_filter of = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy};
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(point_done) struct point was = r->row.plan;
    const struct point *source;

    r->row.plan = (struct point){0};
    if (was.copy_of && catalog_points(r->env->catalog, &of, &points, err) < 0) {
        r->row.plan = was;
        was = (struct point){0};
        return -1;
    }
    source = was.copy_of ? point_list_find(&points, was.copy_of) : NULL;
    if (!source) {
        r->row.plan = was;
        was = (struct point){0};
        return err_set(err, ERR_NOTFOUND, "the point that was being copied is gone");
    }
    point_copy(&copy_of_run(r)->source, source);
    plan_from(r, source, &r->row.plan);
    r->row.plan.level = was.level;
    set(&r->row.plan.parent, xstrdup(was.parent));
    for (size_t i = 0; i < was.disks.n && i < r->row.plan.disks.n; i++)
        set(&r->row.plan.disks.items[i].backing, xstrdup(was.disks.items[i].backing));
    return 0;
}

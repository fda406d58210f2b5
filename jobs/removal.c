/* SPDX-License-Identifier: MIT */
#include "jobs/removal.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/pin.h"
#include "base/text.h"
#include "jobs/leftovers.h"
#include "jobs/survey.h"

void removal_done(struct job_run *r)
{
    struct removal_run *run = removal_of(r);

    hv_done(r);
    survey_look_done(&run->look);
    letting_go_list_done(&run->doomed);
    strlist_done(&run->tried);
    strlist_done(&run->looked);
    point_done(&run->was);
    point_done(&run->into_was);
    point_done(&run->now);
    free(run->way);
}

/* The next repository to look at: the one to prune, then those that have other points of the domain
 * under the policy, which was moved.  NULL: all were. */
static struct repo *next_to_survey(const struct job_run *r)
{
    struct removal_run *run = removal_of(r);
    const struct point_filter of = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy};
    struct point_list points = {0};
    struct repo *ret = NULL;
    struct err err = ERR_INIT;

    if (!strlist_has(&run->tried, r->row.repository))
        return r->repo;
    if (catalog_points(r->env->catalog, &of, &points, &err) < 0)
        catalog_trouble(r->env, "list points", &err);
    for (size_t i = 0; i < points.n && !ret; i++)
        if (!strlist_has(&run->tried, points.items[i].repository))
            ret = repo_find(r->env, points.items[i].repository);
    point_list_done(&points);
    return ret;
}

/* Nothing is let go for the sake of a point that nobody has seen: all are looked at first. */
struct op *removal_survey_start(struct job_run *r, struct err *err)
{
    struct removal_run *run = removal_of(r);
    struct op *op;

    run->surveyed = next_to_survey(r);
    if (!run->surveyed) {
        err_set(err, ERR_NOTFOUND, "repository %s is not configured", r->row.repository);
        return NULL;
    }
    strlist_add(&run->tried, run->surveyed->name);
    op = survey_start(r->env, run->surveyed, r->row.host, r->row.domain, &run->look, job_on_op, r,
                      err);
    if (op)
        repo_hold(run->surveyed);
    else
        run->surveyed = NULL;
    return op;
}

/* What was found in one of them.  That another one cannot be looked at only means that its
 * points do not count. */
bool removal_surveys_more(const struct job_run *r)
{
    return next_to_survey(r) != NULL;
}

bool removal_surveyed(struct job_run *r)
{
    struct removal_run *run = removal_of(r);
    bool own = !run->surveyed || run->surveyed == r->repo;

    if (r->op_err.code == ERR_NONE && r->canceled)
        job_say_canceled(r, &r->op_err);
    if (r->op_err.code == ERR_NONE &&
        survey_record(r->env, run->surveyed, r->row.host, r->row.domain, &run->look, &r->err) < 0)
        return false;
    if (r->op_err.code == ERR_NONE)
        strlist_add(&run->looked, run->surveyed->name);
    if (run->surveyed)
        repo_release(run->surveyed);
    run->surveyed = NULL;
    if (r->op_err.code == ERR_NONE || (!own && r->op_err.code != ERR_CANCELED))
        return true;
    r->err = r->op_err;
    err_wrap(&r->err, "nothing is let go: the points could not be looked at: repository %s",
             r->row.repository);
    return false;
}

/* The point as the catalog has it, to be given back if nothing is touched. */
static int remember(struct job_run *r, const struct letting_go *l, struct err *err)
{
    struct removal_run *run = removal_of(r);
    const struct point_filter filter = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy, .copies = true};
    struct point_list points = {0};
    const struct point *p;

    point_done(&run->was);
    point_done(&run->into_was);
    if (catalog_points(r->env->catalog, &filter, &points, err) < 0)
        return -1;
    p = point_list_find(&points, l->id);
    if (p)
        point_copy(&run->was, p);
    p = l->into ? point_list_find(&points, l->into) : NULL;
    if (p)
        point_copy(&run->into_was, p);
    point_list_done(&points);
    return 0;
}

/* One that waits for what we have: NULL: there is none. */
static const struct job_run *waiting_backup(const struct job_run *r)
{
    for (size_t i = 0; i < r->env->runs.n; i++) {
        const struct job_run *other = r->env->runs.items[i];

        if (other != r && other->type->makes_points && !other->admitted &&
            other->obstacle.job == r->row.id)
            return other;
    }
    return NULL;
}

const char *removal_gives_way_to(const struct job_run *r)
{
    return removal_of(r)->way;
}

void removal_give_way(struct job_run *r, char *way)
{
    struct removal_run *run = removal_of(r);

    free(run->way);
    run->way = way;
    if (run->merging && r->op)
        op_cancel(r->op);
}

void removal_look_around(struct job_run *r)
{
    const struct job_run *other = waiting_backup(r);

    if (other && !removal_of(r)->way)
        removal_give_way(r, xasprintf("job %lld", (long long)other->row.id));
}

void removal_yields(struct job_run *r)
{
    const struct removal_run *run = removal_of(r);

    if (!run->merging || run->way)
        return;
    MARK("a merge gives way to who reads");
    removal_give_way(r, xstrdup("somebody who reads"));
}

/* Half of it, and the rest is done, too; so is one that was interrupted before: it would never come
 * to its end. */
static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct job_run *r = ctx;
    struct removal_run *run = removal_of(r);

    r->row.bytes_done = run->bytes_before + done;
    r->row.bytes_total = run->bytes_before + total;
    job_looked(r);
    if (run->way || run->was.state == POINT_DELETING || done > total / 2 || !r->op)
        return;
    removal_look_around(r);
    if (run->way)
        MARK("a merge gives way to a backup");
}

static struct op *merge_start(struct job_run *r, const struct letting_go *l, struct err *err)
{
    struct removal_run *run = removal_of(r);
    const struct store_merge q = {.point = l->id,
                                  .into = l->into,
                                  .reserve = r->repo->reserve,
                                  .into_reserve = run->into_reserve,
                                  .progress = on_progress,
                                  .progress_ctx = r};

    if (catalog_point_merging(r->env->catalog, l->id, l->into, err) < 0)
        return NULL;
    point_done(&run->now);
    run->bytes_before = r->row.bytes_done;
    run->merging = true;
    return r->repo->store->ops->merge(r->repo->store, &q, &run->now, job_on_op, r, err);
}

struct op *removal_start(struct job_run *r, struct err *err)
{
    struct removal_run *run = removal_of(r);
    static const struct store_scratch none = {0};
    const struct letting_go *l = &run->doomed.items[run->next++];

    if (remember(r, l, err) < 0)
        return NULL;
    if (run->was.state != POINT_DELETING && pin_holds(&run->was.pin, env_now(r->env))) {
        MARK("a point that was pinned meanwhile stays");
        err_set(err, ERR_BUSY, "was pinned meanwhile");
        return NULL;
    }
    if (l->into)
        return merge_start(r, l, err);
    if (catalog_point_set_state(r->env->catalog, l->id, POINT_DELETING, NULL, err) < 0)
        return NULL;
    /* What a backup left in the making goes by a row without disks.  A point of that name is not
     * what is meant: a later state of the catalog, before it was put back, may have seen it
     * finished. */
    if (run->was.id && run->was.disks.n == 0)
        return r->repo->store->ops->discard(r->repo->store, &run->was, MADE_PARTIAL, &none,
                                            job_on_op, r, err);
    return r->repo->store->ops->remove(r->repo->store, l->id, job_on_op, r, err);
}

/* Somebody restores from it, or it lies where we have no business, or on a disk that is not there;
 * a merge also where there is no room for it, as long as it has not begun. */
static bool nothing_was_touched(const struct job_run *r)
{
    return r->op_err.code == ERR_BUSY || r->op_err.code == ERR_DENIED ||
           r->op_err.code == ERR_NOTFOUND || r->op_err.code == ERR_INVALID ||
           r->op_err.code == ERR_NOSPACE;
}

bool removal_is_held(const struct job_run *r)
{
    return (r->op_err.code == ERR_BUSY || r->op_err.code == ERR_NOSPACE) && !r->canceled;
}

bool removal_is_over(const struct job_run *r)
{
    const struct removal_run *run = removal_of(r);

    return run->next == run->doomed.n;
}

size_t removal_all(const struct job_run *r)
{
    const struct removal_run *run = removal_of(r);

    return run->gone + run->doomed.n - run->next;
}

void removal_anew(struct job_run *r)
{
    struct removal_run *run = removal_of(r);

    letting_go_list_done(&run->doomed);
    run->next = 0;
    strlist_done(&run->tried);
    strlist_done(&run->looked);
}

bool removal_is_canceled(struct job_run *r)
{
    if (r->canceled)
        err_set(&r->err, ERR_CANCELED, "cancelled on request after %zu of %zu point%s",
                removal_of(r)->gone, removal_all(r), plural_s(removal_all(r)));
    return r->canceled;
}

static int record_gone(struct job_run *r, const struct letting_go *l)
{
    struct removal_run *run = removal_of(r);

    if (!l->into)
        return catalog_point_delete(r->env->catalog, l->id, &r->err);
    if (catalog_point_merged(r->env->catalog, l->id, &run->now, &r->err) < 0)
        return -1;
    run->merged++;
    return 0;
}

bool removal_removed(struct job_run *r)
{
    struct removal_run *run = removal_of(r);
    const struct letting_go *l = &run->doomed.items[run->next - 1];
    struct err err = ERR_INIT;

    run->merging = false;
    if (r->op_err.code == ERR_NONE) {
        free(TAKE_PTR(run->way)); /* too late: it is done */
        if (record_gone(r, l) < 0)
            return false;
        run->gone++;
        log_info("job=%lld domain=%s/%s let go of %s%s%s", (long long)r->row.id, r->row.host,
                 r->row.domain, l->id, l->into ? ", merged into " : "", l->into ? l->into : "");
        if (!removal_is_over(r))
            removal_look_around(r);
        return !removal_is_canceled(r);
    }
    run->next--;
    if (r->op_err.code == ERR_CANCELED && run->way)
        return !removal_is_canceled(r);
    MARK("a point that is to go cannot be removed");
    if (nothing_was_touched(r) && run->was.id)
        catalog_point_set_state(r->env->catalog, l->id, run->was.state, run->was.problem, &err);
    if (nothing_was_touched(r) && run->into_was.id)
        catalog_point_put_images(r->env->catalog, &run->into_was, &err);
    r->err = r->op_err;
    err_wrap(&r->err, "%s", l->id);
    return false;
}

/* That the domain cannot be asked now is no failure: its next backup cleans up. */
struct op *removal_look_start(struct job_run *r, struct err *err)
{
    if (!r->host || !r->host->hv)
        return NULL;
    return hv_look_start(r, err);
}

static bool can_clean(const struct job_run *r)
{
    const struct removal_run *run = removal_of(r);

    return run->hv.facts &&
           (run->hv.facts->state == DOMAIN_RUNNING || run->hv.facts->state == DOMAIN_PAUSED);
}

bool removal_looked(struct job_run *r)
{
    struct removal_run *run = removal_of(r);

    return r->op_err.code == ERR_NONE && can_clean(r) &&
           leftovers_find(r, run->hv.facts, &run->hv.leftovers, &r->err) == 0;
}

/* SPDX-License-Identifier: MIT */
#include "jobs/removal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/leftovers.h"
#include "jobs/survey.h"

void removal_done(struct job_run *r)
{
    struct removal_run *run = removal_of(r);

    hv_done(r);
    survey_done(&run->found);
    strlist_done(&run->doomed);
    strlist_done(&run->tried);
    strlist_done(&run->looked);
    point_done(&run->was);
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
    survey_done(&run->found);
    strlist_add(&run->tried, run->surveyed->name);
    op = survey_start(r->env, run->surveyed, r->row.host, r->row.domain, &run->found, job_on_op, r,
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
        survey_record(r->env, run->surveyed, r->row.host, r->row.domain, &run->found, &r->err) < 0)
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
static int remember(struct job_run *r, const char *id, struct err *err)
{
    struct removal_run *run = removal_of(r);
    const struct point_filter filter = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy};
    struct point_list points = {0};
    const struct point *p;

    point_done(&run->was);
    if (catalog_points(r->env->catalog, &filter, &points, err) < 0)
        return -1;
    p = point_list_find(&points, id);
    if (p)
        point_copy(&run->was, p);
    point_list_done(&points);
    return 0;
}

struct op *removal_start(struct job_run *r, struct err *err)
{
    struct removal_run *run = removal_of(r);
    static const struct store_scratch none = {0};
    const char *id = run->doomed.items[run->next++];

    if (remember(r, id, err) < 0 ||
        catalog_point_set_state(r->env->catalog, id, POINT_DELETING, NULL, err) < 0)
        return NULL;
    /* What a backup left in the making goes by a row without disks.  A point of that name is not
     * what is meant: a later state of the catalog, before it was put back, may have seen it
     * finished. */
    if (run->was.id && run->was.disks.n == 0)
        return r->repo->store->ops->discard(r->repo->store, &run->was, MADE_PARTIAL, &none,
                                            job_on_op, r, err);
    return r->repo->store->ops->remove(r->repo->store, id, job_on_op, r, err);
}

/* Somebody restores from it, or it lies where we have no business, or on a disk that is not
 * there. */
static bool nothing_was_touched(const struct job_run *r)
{
    return r->op_err.code == ERR_BUSY || r->op_err.code == ERR_DENIED ||
           r->op_err.code == ERR_NOTFOUND;
}

bool removal_is_over(const struct job_run *r)
{
    const struct removal_run *run = removal_of(r);

    return run->next == run->doomed.n;
}

/* Somebody has asked for the end. */
static bool is_canceled(struct job_run *r)
{
    const struct removal_run *run = removal_of(r);

    if (r->canceled)
        err_set(&r->err, ERR_CANCELED, "cancelled on request after %zu of %zu point%s", run->next,
                run->doomed.n, plural_s(run->doomed.n));
    return r->canceled;
}

bool removal_removed(struct job_run *r)
{
    struct removal_run *run = removal_of(r);
    const char *id = run->doomed.items[run->next - 1];
    struct err err = ERR_INIT;

    if (r->op_err.code == ERR_NONE) {
        if (catalog_point_delete(r->env->catalog, id, &r->err) < 0)
            return false;
        log_info("job=%lld domain=%s/%s let go of %s", (long long)r->row.id, r->row.host,
                 r->row.domain, id);
        return !is_canceled(r);
    }
    MARK("a point that is to go cannot be removed");
    if (nothing_was_touched(r) && run->was.id)
        catalog_point_set_state(r->env->catalog, id, run->was.state, run->was.problem, &err);
    r->err = r->op_err;
    err_wrap(&r->err, "%s", id);
    run->next--;
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

/* SPDX-License-Identifier: MIT
 *
 * A prune: lets go of the restore points of one domain under one policy that retention needs no
 * more, and of checkpoints that no chain needs.
 *
 *   queued -> removing (one point after another, dependents first) -> looking -> cleaning -> done
 *
 * For each point: row to "deleting", files gone, row gone.  A crash in between leaves a row that
 * the next prune finishes.  What can go is judged when the job starts; the domain has no other job
 * then.  So far only points that nothing stands on can go; merging a point into its neighbour will
 * be one more way of removing, in the same place.
 */
#include "jobs/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/hv_session.h"
#include "jobs/leftovers.h"
#include "jobs/survey.h"

struct prune_run {
    struct hv_run hv;
    struct survey found;
    struct strlist doomed;        /* point ids, dependents first */
    struct strlist tried, looked; /* repositories: surveyed or not, surveyed well */
    struct repo *surveyed;        /* the one at work */
    const char *skipped;          /* why it does not even begin; NULL: it does */
    const char *doubt;            /* why nothing was let go; NULL: no reason */
    size_t doomed_next;
    struct point doomed_was; /* the one that is being removed, before */
};

static struct prune_run *prune_of(const struct job_run *r)
{
    return (struct prune_run *)r;
}

enum prune_state { P_QUEUED, P_SURVEYING, P_REMOVING, P_LOOKING, P_CLEANING, P_DONE };

static int store_reason(struct job_env *e, const struct point *p, const char *reason,
                        struct err *err)
{
    if (str_eq(p->keep, reason))
        return 0;
    return catalog_point_set_keep(e->catalog, p->id, reason, err);
}

/* Those that are good after this run's look at their repository; looked NULL: as far as is
 * known. */
static bool *seen_whole(const struct point_list *points, const struct strlist *looked)
{
    bool *whole = xcalloc(points->n, sizeof(*whole));

    for (size_t i = 0; i < points->n; i++)
        whole[i] = points->items[i].state == POINT_GOOD &&
                   (!looked || strlist_has(looked, points->items[i].repository));
    return whole;
}

static bool stands_on(const struct point *p, const char *id)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (str_eq(p->disks.items[i].backing, id))
            return true;
    return str_eq(p->parent, id);
}

/* Lists those that can go, dependents first, whatever their dates say; never one that something
 * stands on which stays, whatever its own state says. */
static void list_doomed(const struct point_list *points, bool *goes, struct strlist *doomed)
{
    CLEANUP_FREE bool *gone = xcalloc(points->n, sizeof(*gone));
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = points->n; i-- > 0;) {
            bool free_to_go = goes[i];

            for (size_t k = 0; k < points->n && free_to_go; k++)
                free_to_go =
                    gone[k] || k == i || !stands_on(&points->items[k], points->items[i].id);
            if (!free_to_go)
                continue;
            strlist_add(doomed, points->items[i].id);
            goes[i] = false;
            gone[i] = true;
            more = true;
        }
    }
}

/* What is on a disk that is away, while another one has its place, cannot go. */
static bool is_there(struct job_env *e, const struct point *p)
{
    const struct repo *r = repo_find(e, p->repository);

    return !r || !survey_is_elsewhere(r, p);
}

int prune_judge(struct job_env *e, const char *host, const char *domain, const char *policy,
                const char *repository, const struct strlist *looked, struct strlist *doomed,
                struct err *err)
{
    static const struct retention keep_all = {0};
    const struct config_policy *p = config_policy_find(e->config, policy);
    const struct point_filter filter = {.host = host, .domain = domain, .policy = policy};
    struct retention_verdict *verdicts = NULL;
    struct point_list points = {0};
    CLEANUP_FREE bool *whole = NULL, *goes = NULL;
    int rc = 0;

    if (catalog_points(e->catalog, &filter, &points, err) < 0)
        return -1;
    whole = seen_whole(&points, looked);
    goes = xcalloc(points.n, sizeof(*goes));
    retention_plan(p ? &p->keep : &keep_all, e->zone, &points, whole, env_now(e), &verdicts);
    for (size_t i = 0; i < points.n && rc == 0; i++) {
        rc = store_reason(e, &points.items[i], verdicts[i].reasons, err);
        goes[i] = !verdicts[i].keep && str_eq(points.items[i].repository, repository) &&
                  is_there(e, &points.items[i]);
    }
    if (rc == 0)
        list_doomed(&points, goes, doomed);
    retention_verdicts_free(verdicts, points.n);
    point_list_done(&points);
    return rc;
}

int prune_queue(struct job_env *e, const char *host, const char *domain, const char *policy,
                const char *repository, const char *why, struct job_run **ret, struct err *err)
{
    struct job row = {
        .kind = prune_type.kind,
        .host = (char *)host,
        .domain = (char *)domain,
        .policy = (char *)policy,
        .repository = (char *)repository,
        .why = (char *)why,
    };

    /* One that waits already will judge when it starts. */
    for (size_t i = 0; i < e->runs.n; i++) {
        struct job_run *r = e->runs.items[i];

        if (r->type == &prune_type && !r->admitted && strcmp(r->row.domain, domain) == 0 &&
            strcmp(r->row.host, host) == 0 && strcmp(r->row.policy, policy) == 0 &&
            strcmp(r->row.repository, repository) == 0) {
            *ret = r;
            return 0;
        }
    }
    return e->ops->add(e, &row, ret, err);
}

/* The domain's checkpoints of policies that cover it no more serve no chain. */
static void drop_uncovered(struct job_run *r)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;

    if (catalog_checkpoints(r->env->catalog, r->row.host, r->row.domain, &rows, &err) == 0)
        for (size_t i = 0; i < rows.n; i++)
            if (rows.items[i].state == CHECKPOINT_CURRENT &&
                !r->env->ops->covers(r->env, r->row.host, r->row.domain, rows.items[i].policy))
                catalog_checkpoint_drop(r->env->catalog, rows.items[i].name, &err);
    if (err.code != ERR_NONE)
        catalog_trouble("drop a checkpoint", &err);
    checkpoint_list_done(&rows);
}

/* The rules would judge without the points that the catalog does not know.  Why not yet; NULL: they
 * are all known. */
static const char *must_wait(struct job_run *r)
{
    if (r->repo && !r->repo->compared) {
        MARK("a prune gives way, for its repository is not compared");
        r->env->ops->answers(r->repo);
        return "nothing is let go before it is known whether the repository has points that the "
               "catalog does not know";
    }
    if (!r->env->ops->lacks(r->env, r->row.host, r->row.domain))
        return NULL;
    MARK("a prune gives way to points that are not known");
    return "nothing is let go: the repository has points of the domain that the catalog does not "
           "know; see `vmkeep rebuild-catalog`";
}

static int after_queued(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    run->skipped = must_wait(r);
    return run->skipped ? P_DONE : P_SURVEYING;
}

static int judge_and_start(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    struct job_env *e = r->env;

    run->doubt = e->ops->doubt(e);
    if (!run->doubt && prune_judge(e, r->row.host, r->row.domain, r->row.policy, r->row.repository,
                                   &run->looked, &run->doomed, &r->err) < 0)
        return -1;
    if (catalog_job_start(e->catalog, r->row.id, env_now(e), LEVEL_FULL, r->row.why, NULL,
                          &r->err) < 0)
        return -1;
    r->row.state = JOB_RUNNING;
    r->row.started = env_now(e);
    drop_uncovered(r);
    if (run->doomed.n > 0 && !r->repo)
        return err_set(&r->err, ERR_NOTFOUND, "repository %s is not configured", r->row.repository);
    return 0;
}

/* The next repository to look at: the one to prune, then those that have other points of the domain
 * under the policy, which was moved.  NULL: all were. */
static struct repo *next_to_survey(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    const struct point_filter of = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy};
    struct point_list points = {0};
    struct repo *ret = NULL;
    struct err err = ERR_INIT;

    if (!strlist_has(&run->tried, r->row.repository))
        return r->repo;
    if (catalog_points(r->env->catalog, &of, &points, &err) < 0)
        catalog_trouble("list points", &err);
    for (size_t i = 0; i < points.n && !ret; i++)
        if (!strlist_has(&run->tried, points.items[i].repository))
            ret = repo_find(r->env, points.items[i].repository);
    point_list_done(&points);
    return ret;
}

/* Nothing is let go for the sake of a point that nobody has seen: all are looked at first. */
static struct op *start_surveying(struct job_run *r, struct err *err)
{
    struct prune_run *run = prune_of(r);
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
static bool take_survey(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
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

static int after_surveying(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    if (!take_survey(r))
        return P_DONE;
    if (next_to_survey(r))
        return P_SURVEYING;
    if (r->err.code != ERR_NONE || judge_and_start(r) < 0)
        return P_DONE;
    return run->doomed.n > 0 ? P_REMOVING : P_LOOKING;
}

/* The point as the catalog has it, to be given back if nothing is touched. */
static int remember(struct job_run *r, const char *id, struct err *err)
{
    struct prune_run *run = prune_of(r);
    const struct point_filter filter = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy};
    struct point_list points = {0};
    const struct point *p;

    point_done(&run->doomed_was);
    if (catalog_points(r->env->catalog, &filter, &points, err) < 0)
        return -1;
    p = point_list_find(&points, id);
    if (p)
        point_copy(&run->doomed_was, p);
    point_list_done(&points);
    return 0;
}

static struct op *start_removing(struct job_run *r, struct err *err)
{
    struct prune_run *run = prune_of(r);
    static const struct store_scratch none = {0};
    const char *id = run->doomed.items[run->doomed_next++];

    if (remember(r, id, err) < 0 ||
        catalog_point_set_state(r->env->catalog, id, POINT_DELETING, NULL, err) < 0)
        return NULL;
    /* What a backup left in the making goes by a row without disks.  A point of that name is not
     * what is meant: a later state of the catalog, before it was put back, may have seen it
     * finished. */
    if (run->doomed_was.id && run->doomed_was.disks.n == 0)
        return r->repo->store->ops->discard(r->repo->store, &run->doomed_was, MADE_PARTIAL, &none,
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

/* A point's files are gone, or not.  True: go on with the next. */
static bool take_removal(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    const char *id = run->doomed.items[run->doomed_next - 1];
    struct err err = ERR_INIT;

    if (r->op_err.code == ERR_NONE) {
        if (catalog_point_delete(r->env->catalog, id, &r->err) < 0)
            return false;
        log_info("job=%lld domain=%s/%s let go of %s", (long long)r->row.id, r->row.host,
                 r->row.domain, id);
        return true;
    }
    MARK("a point that is to go cannot be removed");
    if (nothing_was_touched(r) && run->doomed_was.id)
        catalog_point_set_state(r->env->catalog, id, run->doomed_was.state, run->doomed_was.problem,
                                &err);
    r->err = r->op_err;
    err_wrap(&r->err, "%s", id);
    run->doomed_next--;
    return false;
}

static int after_removing(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    if (!take_removal(r))
        return P_DONE;
    if (!r->canceled)
        return run->doomed_next < run->doomed.n ? P_REMOVING : P_LOOKING;
    err_set(&r->err, ERR_CANCELED, "cancelled on request after %zu of %zu point%s",
            run->doomed_next, run->doomed.n, plural_s(run->doomed.n));
    return P_DONE;
}

/* That the domain cannot be asked now is no failure: its next backup cleans up. */
static struct op *start_looking(struct job_run *r, struct err *err)
{
    if (!r->host || !r->host->hv)
        return NULL;
    return hv_look_start(r, err);
}

static bool can_clean(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    return run->hv.facts &&
           (run->hv.facts->state == DOMAIN_RUNNING || run->hv.facts->state == DOMAIN_PAUSED);
}

static int after_looking(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    if (r->op_err.code != ERR_NONE || !can_clean(r) ||
        leftovers_find(r, run->hv.facts, &run->hv.leftovers, &r->err) < 0)
        return P_DONE;
    return P_CLEANING;
}

static int after_cleaning(struct job_run *r)
{
    return hv_cleaned(r) ? P_DONE : P_CLEANING;
}

static int after_done(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    char reason[ERR_MSG_MAX];
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;

    if (run->skipped) {
        r->env->ops->end(r, OUTCOME_SKIPPED, run->skipped);
        return JOB_STAYS;
    }
    if (r->err.code != ERR_NONE) {
        r->env->ops->end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
        return JOB_STAYS;
    }
    if (run->doubt)
        MARK("a prune lets nothing go by a clock that is in doubt");
    if (run->doubt)
        snprintf(reason, sizeof(reason), "nothing let go: %s", run->doubt);
    else
        snprintf(reason, sizeof(reason), "%zu point%s let go", run->doomed.n,
                 run->doomed.n == 1 ? "" : "s");
    r->env->ops->end(r, OUTCOME_SUCCESS, reason);
    return JOB_STAYS;
}

#define TO(s) JOB_BIT(P_##s)

static const struct job_step steps[] = {
    [P_QUEUED] = {"queued", TO(SURVEYING) | TO(DONE), NULL, after_queued, 0, 0},
    [P_SURVEYING] = {"surveying", TO(SURVEYING) | TO(REMOVING) | TO(LOOKING) | TO(DONE),
                     start_surveying, after_surveying, 0, 0},
    [P_REMOVING] = {"removing", TO(REMOVING) | TO(LOOKING) | TO(DONE), start_removing,
                    after_removing, 0, 0},
    [P_LOOKING] = {"looking", TO(CLEANING) | TO(DONE), start_looking, after_looking, 0, 0},
    [P_CLEANING] = {"cleaning", TO(CLEANING) | TO(DONE), hv_clean_start, after_cleaning, 0, 0},
    [P_DONE] = {"done", 0, NULL, after_done, JOB_FINAL | JOB_DECIDED, 0},
    [P_DONE + 1] = {0},
};

static const char *const doing[] = {
    [P_QUEUED] = "beginning",
    [P_SURVEYING] = "looking at the points that are there",
    [P_REMOVING] = "removing points",
    [P_LOOKING] = "looking at the domain",
    [P_CLEANING] = "deleting checkpoints at the hypervisor",
    [P_DONE] = "ending",
};

/* It cleans up at the hypervisor, too. */
static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->guest = true;
    ret->chain = CHAIN_CUT;
}

static void done(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    hv_done(r);
    survey_done(&run->found);
    strlist_done(&run->doomed);
    strlist_done(&run->tried);
    strlist_done(&run->looked);
    point_done(&run->doomed_was);
}

/* One that was interrupted has failed: what it was about is queued anew. */
const struct job_type prune_type = {
    .kind = "prune",
    .size = sizeof(struct prune_run),
    .steps = steps,
    .doing = doing,
    .done = done,
    .claims = claims,
};

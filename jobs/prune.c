/* SPDX-License-Identifier: MIT
 *
 * A prune: lets go of the restore points of one domain under one policy that retention needs no
 * more, and of checkpoints that no chain needs.
 *
 *   queued -> removing (one point after another, dependents first) -> looking -> cleaning -> done
 *
 * For each point: row to "deleting", files gone, row gone.  A crash in between leaves a row that
 * the next prune finishes.  What can go is judged when the job starts; the domain has no other job
 * then.  One that another point stands on is merged into that (policies/letting_go.h).  A backup
 * that waits meanwhile goes first, and the rest is queued behind it.  One that cannot go now, for
 * somebody reads from it, or there is no room to merge it, does not keep the others.  Where these
 * have made room, the rest is queued again.
 */
#include "jobs/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/removal.h"
#include "jobs/survey.h"
#include "policies/dates.h"
#include "storage/catalog/catalog_copy.h"
#include "storage/catalog/catalog_failure.h"

struct prune_run {
    struct removal_run removal;
    struct strlist held; /* ids: they could not be let go of, and stay for now */
    char *held_why;      /* the first one's */
    struct err no_room;  /* the first of those that there is no room for */
    const char *skipped; /* why it does not even begin; NULL: it does */
    const char *doubt;   /* why nothing was let go; NULL: no reason */
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

/* What is on a disk that is away, while another one has its place, cannot go. */
static bool is_there(struct job_env *e, const struct point *p)
{
    const struct repo *r = repo_find(e, p->repository);

    return !r || !survey_is_elsewhere(r, p);
}

/* The next increment is made from the checkpoint of one of them: that one stays. */
static int keep_bases(struct job_env *e, const struct point_list *points, bool *goes,
                      struct err *err)
{
    struct checkpoint_list rows = {0};

    if (points->n == 0)
        return 0;
    if (catalog_checkpoints(e->catalog, points->items[0].host, points->items[0].domain, &rows,
                            err) < 0)
        return -1;
    for (size_t i = 0; i < points->n; i++)
        for (size_t k = 0; k < rows.n; k++)
            if (rows.items[k].state == CHECKPOINT_CURRENT &&
                points->items[i].state != POINT_DELETING &&
                str_eq(rows.items[k].name, points->items[i].checkpoint))
                goes[i] = false;
    checkpoint_list_done(&rows);
    return 0;
}

/* held: has its reason. */
static int store_reasons(struct job_env *e, const struct point_list *points,
                         const struct retention_verdict *verdicts, const struct prune_scope *of,
                         const struct letting_go_list *doomed, struct err *err)
{
    for (size_t i = 0; i < points->n; i++) {
        const struct letting_go *l = letting_go_find(doomed, points->items[i].id);
        CLEANUP_FREE char *merges =
            l && l->into ? xasprintf("no rule keeps it: it is merged into %s", l->into) : NULL;

        if (of->held && strlist_has(of->held, points->items[i].id))
            continue;
        if (store_reason(e, &points->items[i], merges ? merges : verdicts[i].reasons, err) < 0)
            return -1;
    }
    return 0;
}

static bool can_go(struct job_env *e, const struct prune_scope *of, const struct point *p)
{
    return str_eq(p->repository, of->repository) && is_there(e, p) &&
           !(of->held && strlist_has(of->held, p->id));
}

static int judge(struct job_env *e, const struct prune_scope *of, const struct retention *keep,
                 struct point_list *points, struct letting_go_list *doomed, struct err *err)
{
    CLEANUP_FREE bool *whole = seen_whole(points, of->looked);
    CLEANUP_FREE bool *goes = xcalloc(points->n + 1, sizeof(*goes));
    CLEANUP_FREE bool *sound = xcalloc(points->n + 1, sizeof(*sound));
    struct retention_verdict *verdicts = NULL;
    int rc;

    points_judge_dates(points, env_now(e));
    retention_plan(keep, e->zone, points, whole, env_now(e), &verdicts);
    letting_go_judge(points, verdicts, goes, sound);
    for (size_t i = 0; i < points->n; i++)
        goes[i] = goes[i] && can_go(e, of, &points->items[i]);
    rc = keep_bases(e, points, goes, err);
    if (rc == 0) {
        letting_go_plan(points, goes, sound, doomed);
        rc = store_reasons(e, points, verdicts, of, doomed, err);
    }
    retention_verdicts_free(verdicts, points->n);
    return rc;
}

int prune_judge(struct job_env *e, const struct prune_scope *of, struct letting_go_list *doomed,
                struct err *err)
{
    static const struct retention keep_all = {0};
    const struct config_policy *p = e->ops->covers(e, of->host, of->domain, of->policy)
                                        ? config_policy_find(e->config, of->policy)
                                        : NULL;
    const struct config_copies *c = config_copies_find(p, of->repository);
    const struct point_filter filter = {
        .host = of->host, .domain = of->domain, .policy = of->policy};
    CLEANUP(point_list_done) struct point_list points = {0}, copies = {0};

    if (catalog_points(e->catalog, &filter, &points, err) < 0 ||
        catalog_copies_in(e->catalog, of->host, of->domain, of->policy, of->repository, &copies,
                          err) < 0 ||
        judge(e, of, p ? &p->keep : &keep_all, &points, doomed, err) < 0)
        return -1;
    return judge(e, of, c ? &c->keep : &keep_all, &copies, doomed, err);
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

    return job_queue_once(e, &row, ret, err);
}

/* One that failed, or was interrupted, has left nothing to be done. */
static int forget_failure(struct job_env *e, const struct prune_scope *of, struct err *err)
{
    const struct job done = {.kind = prune_type.kind,
                             .host = (char *)of->host,
                             .domain = (char *)of->domain,
                             .policy = (char *)of->policy,
                             .repository = (char *)of->repository,
                             .outcome = OUTCOME_SUCCESS};

    return catalog_failure_note(e->catalog, &done, env_now(e), err);
}

int prune_queue_if_due(struct job_env *e, const struct prune_scope *of, const char *why,
                       struct err *err)
{
    CLEANUP(letting_go_list_done) struct letting_go_list doomed = {0};
    struct job_run *prune;

    if (prune_judge(e, of, &doomed, err) < 0)
        return -1;
    if (doomed.n == 0)
        return forget_failure(e, of, err);
    return e->draining
               ? 0
               : prune_queue(e, of->host, of->domain, of->policy, of->repository, why, &prune, err);
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

static int judge_all(struct job_run *r)
{
    struct removal_run *run = removal_of(r);
    const struct prune_scope of = {r->row.host,       r->row.domain, r->row.policy,
                                   r->row.repository, &run->looked,  &prune_of(r)->held};

    letting_go_list_done(&run->doomed);
    run->next = 0;
    return prune_judge(r->env, &of, &run->doomed, &r->err);
}

static int judge_and_start(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    struct job_env *e = r->env;

    run->doubt = e->ops->doubt(e);
    if (!run->doubt && judge_all(r) < 0)
        return -1;
    if (catalog_job_start(e->catalog, r->row.id, env_now(e), LEVEL_FULL, r->row.why, NULL,
                          &r->err) < 0)
        return -1;
    r->row.state = JOB_RUNNING;
    r->row.started = env_now(e);
    if (removal_of(r)->doomed.n > 0 && !r->repo)
        return err_set(&r->err, ERR_NOTFOUND, "repository %s is not configured", r->row.repository);
    return 0;
}

static int after_surveying(struct job_run *r)
{
    if (!removal_surveyed(r))
        return P_DONE;
    if (removal_surveys_more(r))
        return P_SURVEYING;
    if (judge_and_start(r) < 0)
        return P_DONE;
    return removal_of(r)->doomed.n > 0 ? P_REMOVING : P_LOOKING;
}

/* That stays for now; what it stands on, and what it was to be merged into, is judged anew. */
static bool go_past(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    const char *id = removal_of(r)->doomed.items[removal_of(r)->next].id;
    CLEANUP_FREE char *why = xasprintf("no rule keeps it, and it stays for now: %s", r->err.msg);

    MARK("a prune goes past a point that cannot go now");
    log_warning("job=%lld domain=%s/%s one that is to go stays for now: %s", (long long)r->row.id,
                r->row.host, r->row.domain, r->err.msg);
    if (!run->held_why)
        run->held_why = xstrdup(r->err.msg);
    if (r->op_err.code == ERR_NOSPACE && run->no_room.code == ERR_NONE) {
        MARK("a merge has no room, and the others go on");
        run->no_room = r->err;
    }
    strlist_add(&run->held, id);
    r->err = ERR_INIT;
    return catalog_point_set_keep(r->env->catalog, id, why, &r->err) == 0 && judge_all(r) == 0;
}

/* There is no room but the reserve, and nothing that went has made any: merges may have it, for
 * they end with more.  Nothing else would make room where backups wait for it. */
static bool turn_to_reserve(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    struct removal_run *removal = removal_of(r);

    if (run->no_room.code == ERR_NONE || removal->gone > 0 || removal->into_reserve ||
        r->repo->reserve == 0)
        return false;
    MARK("merges take of the reserve");
    removal->into_reserve = true;
    strlist_done(&run->held);
    free(TAKE_PTR(run->held_why));
    run->no_room = ERR_INIT;
    return judge_all(r) == 0 && removal->doomed.n > 0;
}

static int after_removing(struct job_run *r)
{
    if (!removal_removed(r) && (!removal_is_held(r) || !go_past(r)))
        return P_DONE;
    if (removal_gives_way_to(r))
        return P_DONE;
    return removal_is_over(r) && !turn_to_reserve(r) ? P_LOOKING : P_REMOVING;
}

static int after_looking(struct job_run *r)
{
    return removal_looked(r) ? P_CLEANING : P_DONE;
}

static int after_cleaning(struct job_run *r)
{
    return hv_cleaned(r) ? P_DONE : P_CLEANING;
}

static void say_done(const struct job_run *r, char *buf, size_t size)
{
    const struct removal_run *run = removal_of(r);
    const struct prune_run *prune = prune_of(r);
    const char *way = removal_gives_way_to(r);
    int n = snprintf(buf, size, "%zu point%s let go", run->gone, plural_s(run->gone));

    if (run->merged > 0)
        n += snprintf(buf + n, size - (size_t)n, ", %zu of them merged into the next", run->merged);
    if (way)
        n += snprintf(buf + n, size - (size_t)n, "; the rest gives way to %s, and comes after it",
                      way);
    if (prune->held_why)
        snprintf(buf + n, size - (size_t)n, "; %zu %s for now%s %s", prune->held.n,
                 prune->held.n == 1 ? "stays" : "stay", prune->held.n == 1 ? ":" : ", first",
                 prune->held_why);
}

static void done(struct job_run *r)
{
    struct prune_run *run = prune_of(r);

    strlist_done(&run->held);
    free(run->held_why);
    removal_done(r);
}

static bool made_room(const struct job_run *r)
{
    return prune_of(r)->no_room.code != ERR_NONE && removal_of(r)->gone > 0;
}

/* One that gave way is gone on with when the backup is over. */
static void queue_rest(struct job_run *r)
{
    const char *why = removal_gives_way_to(r) ? "the rest of a prune that gave way"
                                              : "the rest of a prune that had no room for it";
    struct job_run *again;
    struct err err = ERR_INIT;

    if ((!removal_gives_way_to(r) && !made_room(r)) || r->canceled || r->env->draining)
        return;
    if (prune_queue(r->env, r->row.host, r->row.domain, r->row.policy, r->row.repository, why,
                    &again, &err) < 0)
        catalog_trouble(r->env, "queue the rest of a prune", &err);
    else
        r->rest = again->row.id;
}

static int after_done(struct job_run *r)
{
    struct prune_run *run = prune_of(r);
    char reason[ERR_MSG_MAX];
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;

    queue_rest(r);
    if (r->err.code == ERR_NONE && !removal_gives_way_to(r) && !made_room(r))
        r->err = run->no_room;
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
        say_done(r, reason, sizeof(reason));
    r->env->ops->end(r, OUTCOME_SUCCESS, reason);
    return JOB_STAYS;
}

#define TO(s) JOB_BIT(P_##s)

static const struct job_step steps[] = {
    [P_QUEUED] = {"queued", TO(SURVEYING) | TO(DONE), NULL, after_queued, 0, 0},
    [P_SURVEYING] = {"surveying", TO(SURVEYING) | TO(REMOVING) | TO(LOOKING) | TO(DONE),
                     removal_survey_start, after_surveying, 0, 0},
    [P_REMOVING] = {"removing", TO(REMOVING) | TO(LOOKING) | TO(DONE), removal_start,
                    after_removing, 0, 0},
    [P_LOOKING] = {"looking", TO(CLEANING) | TO(DONE), removal_look_start, after_looking, 0, 0},
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

/* One that was interrupted has failed: what it was about is queued anew. */
const struct job_type prune_type = {
    .kind = JOB_PRUNE,
    .failure_stays = true,
    .size = sizeof(struct prune_run),
    .steps = steps,
    .doing = doing,
    .done = done,
    .claims = claims,
    .yields = removal_yields,
};

/* SPDX-License-Identifier: MIT
 *
 * A deletion: points of one domain under one policy, in one repository, that somebody has named.
 *
 *   queued -> waiting -> surveying -> removing (one after another, dependents first) -> looking
 *          -> cleaning
 *                       ^           |
 *                       +-- held <--+
 *
 * To a backup that waits for it, and to who reads, it gives way as a prune does (jobs/removal.h):
 * what is left is another job's, which comes after that.  A point that somebody reads when its turn
 * comes is waited for, for as long as that takes; then all is looked at, and judged, again.  A
 * backup goes first then, too.
 *
 * What it is about is in the catalog from the moment that it was asked for (table job_point), so
 * that a daemon that is killed goes on with it.  Whether they may go is judged twice: when it is
 * asked for, and when the job begins, or goes on, after a look at the repository: a backup may have
 * been based on one of them meanwhile, or the other good point may have gone.  A catalog that was
 * put back to an older state knows nothing of such a backup: so it waits until its repository is
 * compared with the catalog, as prunes do.
 *
 * The checkpoint of the last point goes with it (catalog_point_delete): its bitmap knows what has
 * changed since that point only, so no increment on an older one could be made of it, and the next
 * backup is a full.
 */
#include "jobs/delete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/removal.h"
#include "storage/catalog/catalog_copy.h"

#define LOOK_AGAIN_S 60.0
#define LOOKS_S 300
#define READ_AGAIN_S 5.0 /* and later ever more seldom, up to: */
#define READ_AGAIN_MOST_S 60.0

enum delete_state {
    D_QUEUED,
    D_WAITING,
    D_SURVEYING,
    D_REMOVING,
    D_HELD,
    D_LOOKING,
    D_CLEANING,
    D_DONE
};

struct delete_run {
    struct removal_run removal;
    int64_t waits_since; /* elapsed time */
    bool held;           /* by who reads, the last time that it was tried */
    int64_t held_since;  /* elapsed time */
};

static struct delete_run *delete_of(const struct job_run *r)
{
    return (struct delete_run *)r;
}

/* Of what it is about: points, or copies in its repository. */
static int load_points(struct job_run *r, struct point_list *ret, struct err *err)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    CLEANUP(point_list_done) struct point_list copies = {0};
    bool is_copy = false;

    if (catalog_job_points(r->env->catalog, r->row.id, &ids, err) < 0 ||
        catalog_copies_in(r->env->catalog, r->row.host, r->row.domain, r->row.policy,
                          r->row.repository, &copies, err) < 0)
        return -1;
    for (size_t i = 0; i < ids.n; i++)
        is_copy = is_copy || point_list_find(&copies, ids.items[i]);
    return delete_load_group(r->env, r->row.host, r->row.domain, r->row.policy,
                             is_copy ? r->row.repository : NULL, ret, err);
}

/* What it is about, as far as it is there still. */
static int load_asked(struct job_run *r, const struct point_list *points, struct strlist *ret,
                      struct err *err)
{
    CLEANUP(strlist_done) struct strlist ids = {0};

    if (catalog_job_points(r->env->catalog, r->row.id, &ids, err) < 0)
        return -1;
    for (size_t i = 0; i < ids.n; i++)
        if (point_list_find(points, ids.items[i]))
            strlist_add(ret, ids.items[i]);
    return 0;
}

/* One that goes on may find that nothing more may go: another good point was lost meanwhile.  What
 * is half removed goes all the same, and then the job ends as refused. */
static bool finish_begun(struct job_run *r, const struct point_list *points,
                         const struct strlist *asked)
{
    CLEANUP(strlist_done) struct strlist begun = {0};
    const struct deletion d = {.asked = &begun, .force = true};
    struct err err = ERR_INIT;

    for (size_t i = 0; i < asked->n && r->row.state == JOB_RUNNING; i++)
        if (point_list_find(points, asked->items[i])->state == POINT_DELETING)
            strlist_add(&begun, asked->items[i]);
    return begun.n > 0 && deletion_plan(points, &d, &removal_of(r)->doomed, &err) == 0;
}

static int judge_and_start(struct job_run *r)
{
    struct removal_run *run = removal_of(r);
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(strlist_done) struct strlist asked = {0};
    const struct deletion d = {.asked = &asked, .force = r->row.force, .now = env_now(r->env)};

    if (load_points(r, &points, &r->err) < 0 || load_asked(r, &points, &asked, &r->err) < 0 ||
        (deletion_plan(&points, &d, &run->doomed, &r->err) < 0 &&
         !finish_begun(r, &points, &asked)))
        return -1;
    run->into_reserve = true; /* somebody wants it gone */
    if (r->row.state == JOB_RUNNING)
        return 0;
    if (catalog_job_start(r->env->catalog, r->row.id, env_now(r->env), LEVEL_FULL, r->row.why, NULL,
                          &r->err) < 0)
        return -1;
    r->row.state = JOB_RUNNING;
    r->row.started = env_now(r->env);
    return 0;
}

/* A repository that is not there may be so for ever. */
static void say_if_lost(struct err *err)
{
    size_t len = strlen(err->msg);

    if (err->code == ERR_NOTFOUND)
        snprintf(err->msg + len, sizeof(err->msg) - len,
                 " (if it is lost for ever, 'vmkeep repository forget' takes its points out of the "
                 "catalog)");
}

static int after_queued(struct job_run *r)
{
    if (r->repo)
        return D_WAITING;
    err_set(&r->err, ERR_NOTFOUND, "repository %s is not configured any more", r->row.repository);
    return D_DONE;
}

static struct op *start_waiting(struct job_run *r, struct err *err)
{
    (void)err;
    delete_of(r)->waits_since = env_elapsed(r->env);
    if (r->repo->compared)
        return NULL;
    MARK("a deletion waits until its repository is compared");
    r->env->ops->answers(r->repo);
    job_wait(r, LOOK_AGAIN_S);
    return NULL;
}

static int after_waiting(struct job_run *r)
{
    if (job_is_bad(r))
        return D_DONE;
    if (r->repo->compared) {
        if (!r->env->ops->lacks(r->env, r->row.host, r->row.domain))
            return D_SURVEYING;
        MARK("a deletion gives way to points that are not known");
        err_set(&r->err, ERR_BUSY,
                "nothing is deleted: the repository has points of the domain that the catalog does "
                "not know, and that may be based on these; see `vmkeep rebuild-catalog`");
        return D_DONE;
    }
    if (env_elapsed(r->env) - delete_of(r)->waits_since < LOOKS_S) {
        r->env->ops->answers(r->repo);
        job_wait(r, LOOK_AGAIN_S);
        return JOB_STAYS;
    }
    err_set(&r->err, ERR_NOTFOUND,
            "nothing is deleted: repository %s cannot be looked at, and may have points that the "
            "catalog does not know",
            r->row.repository);
    say_if_lost(&r->err);
    return D_DONE;
}

static int after_surveying(struct job_run *r)
{
    if (!removal_surveyed(r)) {
        say_if_lost(&r->err);
        return D_DONE;
    }
    if (removal_surveys_more(r))
        return D_SURVEYING;
    if (judge_and_start(r) < 0)
        return D_DONE;
    return removal_is_over(r) ? D_LOOKING : D_REMOVING;
}

static int after_removing(struct job_run *r)
{
    bool removed = removal_removed(r);

    delete_of(r)->held = delete_of(r)->held && !removed;
    if (!removed)
        return removal_is_held(r) && r->op_err.code == ERR_BUSY ? D_HELD : D_DONE;
    if (removal_gives_way_to(r))
        return D_DONE;
    return removal_is_over(r) ? D_LOOKING : D_REMOVING;
}

/* Each time all is looked at again: who reads for long is asked seldom. */
static double until_tried_again(const struct job_run *r)
{
    double tenth = (double)(env_elapsed(r->env) - delete_of(r)->held_since) / 10;

    if (tenth > READ_AGAIN_MOST_S)
        return READ_AGAIN_MOST_S;
    return tenth < READ_AGAIN_S ? READ_AGAIN_S : tenth;
}

/* A restore, an export and the like; an export may last for days. */
static struct op *start_held(struct job_run *r, struct err *err)
{
    struct delete_run *run = delete_of(r);

    (void)err;
    if (!run->held)
        run->held_since = env_elapsed(r->env);
    run->held = true;
    MARK("a deletion waits for who reads");
    job_meets(r, &(struct obstacle){.code = OBSTACLE_READER, .problem = r->err.msg});
    r->err = ERR_INIT;
    job_wait(r, until_tried_again(r));
    return NULL;
}

static int after_held(struct job_run *r)
{
    if (removal_is_canceled(r))
        return D_DONE;
    if (r->env->draining)
        removal_give_way(r, xstrdup("the daemon's next start"));
    removal_look_around(r);
    if (removal_gives_way_to(r))
        return D_DONE;
    removal_anew(r);
    return D_SURVEYING;
}

static int after_looking(struct job_run *r)
{
    return removal_looked(r) ? D_CLEANING : D_DONE;
}

static int after_cleaning(struct job_run *r)
{
    return hv_cleaned(r) ? D_DONE : D_CLEANING;
}

/* What its next backup can be based on is gone. */
static bool next_is_full(const struct job_run *r)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    bool ret = r->env->ops->covers(r->env, r->row.host, r->row.domain, r->row.policy);

    if (catalog_checkpoints(r->env->catalog, r->row.host, r->row.domain, &rows, &err) < 0)
        catalog_trouble(r->env, "list checkpoints", &err);
    for (size_t i = 0; i < rows.n; i++)
        if (rows.items[i].state == CHECKPOINT_CURRENT &&
            str_eq(rows.items[i].policy, r->row.policy))
            ret = false;
    checkpoint_list_done(&rows);
    return ret;
}

/* It comes after what it gave way to.  What is half merged would be finished by a prune, too. */
static int queue_rest(struct job_run *r)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(strlist_done) struct strlist asked = {0};
    struct job row = {
        .kind = delete_type.kind,
        .host = r->row.host,
        .domain = r->row.domain,
        .policy = r->row.policy,
        .repository = r->row.repository,
        .why = (char *)"the rest of a deletion that gave way",
        .force = r->row.force,
        .points = &asked,
    };
    struct job_run *again;

    if (load_points(r, &points, &r->err) < 0 || load_asked(r, &points, &asked, &r->err) < 0 ||
        r->env->ops->add(r->env, &row, &again, &r->err) < 0) {
        err_wrap(&r->err, "it gave way to %s, and the rest cannot be queued",
                 removal_gives_way_to(r));
        return -1;
    }
    r->rest = again->row.id;
    return 0;
}

static void say_done(const struct job_run *r, char *buf, size_t size)
{
    const struct removal_run *run = removal_of(r);
    bool one = run->gone == 1 && run->next == 1;

    if (r->rest)
        snprintf(buf, size,
                 "%zu of %zu point%s deleted; the rest gives way to %s, and comes after it as job "
                 "%lld",
                 run->gone, removal_all(r), plural_s(removal_all(r)), removal_gives_way_to(r),
                 (long long)r->rest);
    else if (run->gone == 0)
        snprintf(buf, size, "nothing was left to be deleted");
    else
        snprintf(buf, size, "%zu point%s deleted%s%s%s", run->gone, plural_s(run->gone),
                 one ? ": " : "", one ? run->doomed.items[0].id : "",
                 next_is_full(r) ? "; the next backup under the policy is a full" : "");
}

static int after_done(struct job_run *r)
{
    const struct removal_run *run = removal_of(r);
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    char reason[ERR_MSG_MAX];

    if (r->repo && run->gone > 0)
        r->env->ops->look_again(r->repo);
    if (r->err.code == ERR_NONE && removal_gives_way_to(r))
        queue_rest(r);
    if (r->err.code != ERR_NONE) {
        r->env->ops->end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
        return JOB_STAYS;
    }
    say_done(r, reason, sizeof(reason));
    r->env->ops->end(r, OUTCOME_SUCCESS, reason);
    return JOB_STAYS;
}

#define TO(s) JOB_BIT(D_##s)

static const struct job_step steps[] = {
    [D_QUEUED] = {"queued", TO(WAITING) | TO(LOOKING) | TO(DONE), NULL, after_queued, 0, 0},
    [D_WAITING] = {"waiting", TO(SURVEYING) | TO(DONE), start_waiting, after_waiting,
                   JOB_WAITS | JOB_UNTIL_COMPARED, D_WAITING},
    [D_SURVEYING] = {"surveying", TO(SURVEYING) | TO(REMOVING) | TO(LOOKING) | TO(DONE),
                     removal_survey_start, after_surveying, 0, D_WAITING},
    [D_REMOVING] = {"removing", TO(REMOVING) | TO(HELD) | TO(LOOKING) | TO(DONE), removal_start,
                    after_removing, JOB_JOURNALED, D_WAITING},
    [D_HELD] = {"held", TO(SURVEYING) | TO(DONE), start_held, after_held, JOB_WAITS, D_WAITING},
    [D_LOOKING] = {"looking", TO(CLEANING) | TO(DONE), removal_look_start, after_looking, 0,
                   D_LOOKING},
    [D_CLEANING] = {"cleaning", TO(CLEANING) | TO(DONE), hv_clean_start, after_cleaning, 0,
                    D_LOOKING},
    [D_DONE] = {"done", 0, NULL, after_done, JOB_FINAL | JOB_DECIDED, 0},
    [D_DONE + 1] = {0},
};

static const char *const doing[] = {
    [D_QUEUED] = "beginning",
    [D_WAITING] = "waiting until the repository is compared with the catalog",
    [D_SURVEYING] = "looking at the points that are there",
    [D_REMOVING] = "removing points",
    [D_HELD] = "waiting for who reads what is to go",
    [D_LOOKING] = "looking at the domain",
    [D_CLEANING] = "deleting checkpoints at the hypervisor",
    [D_DONE] = "ending",
};

static int resume(struct job_run *r, int go_on)
{
    if (go_on == D_LOOKING)
        return go_on;
    MARK("a deletion goes on after a restart");
    return after_queued(r);
}

/* It cleans up at the hypervisor, too. */
static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->guest = true;
    ret->chain = CHAIN_CUT;
}

const struct job_type delete_type = {
    .kind = JOB_DELETE,
    .size = sizeof(struct delete_run),
    .steps = steps,
    .doing = doing,
    .done = removal_done,
    .resume = resume,
    .claims = claims,
    .yields = removal_yields,
};

/* SPDX-License-Identifier: MIT
 *
 * A copy: finished points of one domain under one policy come into a second repository, oldest
 * first, one after another.
 *
 *   queued -> probing -> waiting -> surveying -> planning -> preparing -> copying -> publishing
 *                                                   ^                                    |
 *                                                   +------------ recording <------------+
 *
 * A copy is made as a backup is: planned in the catalog, in a directory that bears another name
 * until all of it is there and synced, and recorded when it is published.  It is a point of its
 * own, whose id says which job made it, with a chain of its own; what it has to read like is known
 * (the contents of the point that it is a copy of), and without that it is not published.
 *
 * What is to be copied, and on what, is asked anew before each (policies/copying.h), so points that
 * come, go or are merged meanwhile are no matter.  Where an increment does not read as it should on
 * the copy that it was put on, it is made once more, as a full.
 *
 * Its id has the second of that point, too.  Of two points of one second (the clock was set back,
 * or backups are quick) a job copies one, and leaves the rest to another, with a number of its own.
 *
 * A backup that waits for what it has goes first; the rest is queued behind it.  A daemon that is
 * killed undoes the copy at work at its next start, or records it where it was published.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/copy_run.h"
#include "jobs/survey.h"

#define LOOK_AGAIN_S 60.0
#define LOOKS_S 300

/* ---- before the first ---- */

static int after_queued(struct job_run *r)
{
    const struct config_policy *p = config_policy_find(r->env->config, r->row.policy);

    if (!config_copies_find(p, r->row.repository))
        err_set(&r->err, ERR_NOTFOUND, "policy %s has no copies in repository %s", r->row.policy,
                r->row.repository);
    else if (!r->repo)
        err_set(&r->err, ERR_NOTFOUND, "repository %s is not configured", r->row.repository);
    else if (catalog_job_start(r->env->catalog, r->row.id, env_now(r->env), LEVEL_FULL, r->row.why,
                               NULL, &r->err) == 0) {
        r->row.state = JOB_RUNNING;
        r->row.started = env_now(r->env);
        return C_PROBING;
    }
    return C_DONE;
}

static struct op *start_probing(struct job_run *r, struct err *err)
{
    return r->repo->store->ops->probe(r->repo->store, !r->repo->known, NULL, &copy_of_run(r)->space,
                                      job_on_op, r, err);
}

static int after_probing(struct job_run *r)
{
    bool bad = r->op_err.code != ERR_NONE && r->op_err.code != ERR_CANCELED;

    if (bad || r->op_err.code == ERR_NONE)
        r->env->ops->saw_repo(r->repo, &copy_of_run(r)->space, bad ? &r->op_err : NULL);
    if (job_is_bad(r))
        err_wrap(&r->err, "repository %s", r->row.repository);
    return r->err.code == ERR_NONE ? C_WAITING : C_DONE;
}

/* Numbers of jobs are in the names of copies: it must be known which were given. */
static struct op *start_waiting(struct job_run *r, struct err *err)
{
    (void)err;
    copy_of_run(r)->waits_since = env_elapsed(r->env);
    if (r->repo->compared)
        return NULL;
    job_meets(r, &(struct obstacle){.code = OBSTACLE_COMPARISON});
    r->env->ops->answers(r->repo);
    job_wait(r, LOOK_AGAIN_S);
    return NULL;
}

static int after_waiting(struct job_run *r)
{
    if (job_is_bad(r))
        return C_DONE;
    if (r->repo->compared)
        return C_SURVEYING;
    if (env_elapsed(r->env) - copy_of_run(r)->waits_since >= LOOKS_S) {
        err_set(&r->err, ERR_BUSY,
                "repository %s: it could not be found out which jobs have made points there",
                r->row.repository);
        return C_DONE;
    }
    job_meets(r, &(struct obstacle){.code = OBSTACLE_COMPARISON});
    r->env->ops->answers(r->repo);
    job_wait(r, LOOK_AGAIN_S);
    return JOB_STAYS;
}

static struct op *start_surveying(struct job_run *r, struct err *err)
{
    return survey_start(r->env, r->repo, r->row.host, r->row.domain, &copy_of_run(r)->look,
                        job_on_op, r, err);
}

/* Copies that are lost are made again. */
static int after_surveying(struct job_run *r)
{
    if (r->op_err.code == ERR_NONE)
        survey_record(r->env, r->repo, r->row.host, r->row.domain, &copy_of_run(r)->look, &r->err);
    return job_unless_bad(r, C_PLANNING, C_DONE);
}

/* ---- one point ---- */

static const struct job_run *waiting_backup(const struct job_run *r)
{
    for (size_t i = 0; i < r->env->runs.n; i++) {
        const struct job_run *other = r->env->runs.items[i];
        enum obstacle_code code = other->obstacle.code;

        if (other == r || !other->type->makes_points || other->admitted)
            continue;
        if (other->obstacle.job == r->row.id ||
            (code == OBSTACLE_REPO_LIMIT && str_eq(other->row.repository, r->row.repository)))
            return other;
    }
    return NULL;
}

static bool must_give_way(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);
    const struct job_run *other = waiting_backup(r);

    if (!other && !r->env->draining)
        return false;
    run->gives_way = true;
    run->gives_way_to = other ? other->row.id : 0;
    return true;
}

static int after_planning(struct job_run *r)
{
    bool more = false;

    if (job_is_bad(r))
        return C_DONE;
    if (must_give_way(r))
        return C_DONE;
    if (copy_plan_next(r, &more, &r->err) < 0 || !more)
        return C_DONE;
    copy_of_run(r)->reached = MADE_NOTHING;
    return C_PREPARING;
}

static struct op *start_preparing(struct job_run *r, struct err *err)
{
    static const struct store_scratch none = {0};

    copy_of_run(r)->reached = MADE_PARTIAL;
    return r->repo->store->ops->prepare(r->repo->store, &r->row.plan, NULL, &none, job_on_op, r,
                                        err);
}

/* What cannot stand on the copies that are there is copied once more, alone. */
static bool comes_as_full(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);

    if (r->row.plan.level != LEVEL_INCREMENTAL || r->canceled)
        return false;
    log_notice("job=%lld domain=%s/%s %s does not fit on %s, and is copied as a full: %s",
               (long long)r->row.id, r->row.host, r->row.domain, run->source.id, r->row.plan.parent,
               r->op_err.msg);
    free(run->whole);
    run->whole = xstrdup(run->source.id);
    return true;
}

static int after_preparing(struct job_run *r)
{
    /* Refused: what is there is somebody else's, and stays. */
    if (r->op_err.code == ERR_EXISTS || r->op_err.code == ERR_DENIED)
        copy_of_run(r)->reached = MADE_NOTHING;
    if (r->op_err.code == ERR_INVALID && comes_as_full(r))
        return C_DISCARDING;
    return job_unless_bad(r, C_COPYING, C_DISCARDING);
}

/* Half of it, and the rest is done, too. */
static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct job_run *r = ctx;
    struct copy_run *run = copy_of_run(r);

    r->row.bytes_done = run->bytes_before + done;
    r->row.bytes_total = run->bytes_before + total + run->bytes_rest;
    job_looked(r);
    if (!r->op || run->gives_way || (done > total / 2 && !r->env->draining) || !must_give_way(r))
        return;
    op_cancel(r->op);
}

static struct op *start_copying(struct job_run *r, struct err *err)
{
    struct copy_run *run = copy_of_run(r);
    const struct config_policy *p = config_policy_find(r->env->config, r->row.policy);
    const struct repo *from = repo_find(r->env, run->source.repository);
    const struct store_bring q = {.plan = &r->row.plan,
                                  .from = from ? from->store : NULL,
                                  .bandwidth = p ? p->bandwidth : 0,
                                  .reserve = r->repo->reserve,
                                  .progress = on_progress,
                                  .progress_ctx = r};

    if (!from) {
        err_set(err, ERR_NOTFOUND, "%s is in repository %s, which is not configured",
                run->source.id, run->source.repository);
        return NULL;
    }
    if (!r->has_begun)
        r->began_ms = env_elapsed_ms(r->env);
    r->has_begun = true;
    return r->repo->store->ops->bring(r->repo->store, &q, job_on_op, r, err);
}

static int after_copying(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);

    if (run->gives_way && !r->canceled && r->op_err.code == ERR_CANCELED)
        return C_DISCARDING;
    run->gives_way = run->gives_way && r->op_err.code != ERR_NONE;
    if (job_is_bad(r))
        err_wrap(&r->err, "copy %s", run->source.id);
    return r->err.code == ERR_NONE ? C_PUBLISHING : C_DISCARDING;
}

static struct op *start_publishing(struct job_run *r, struct err *err)
{
    static const struct store_scratch none = {0};
    const struct store_finish finish = {r->repo->compress, r->repo->reserve};
    struct copy_run *run = copy_of_run(r);

    if (!r->resumed)
        run->reached = MADE_POINT;
    point_done(&run->published);
    return r->repo->store->ops->publish(r->repo->store, &r->row.plan, &none, &finish,
                                        &run->published, job_on_op, r, err);
}

static int after_publishing(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);

    if (r->op_err.code == ERR_NONE)
        return C_RECORDING;
    if (r->op_err.code == ERR_CORRUPT && comes_as_full(r))
        return C_DISCARDING;
    if (job_is_bad(r))
        err_wrap(&r->err, "copy %s", run->source.id);
    return C_DISCARDING;
}

/* ---- the machine ---- */

#define TO(s) JOB_BIT(C_##s)

static const struct job_step steps[] = {
    [C_QUEUED] = {"queued", TO(PROBING) | TO(PUBLISHING) | TO(DISCARDING) | TO(DONE), NULL,
                  after_queued, 0, 0},
    [C_PROBING] = {"probing", TO(WAITING) | TO(DONE), start_probing, after_probing, JOB_CANCELABLE,
                   0},
    [C_WAITING] = {"waiting", TO(SURVEYING) | TO(DONE), start_waiting, after_waiting,
                   JOB_WAITS | JOB_UNTIL_COMPARED, 0},
    [C_SURVEYING] = {"surveying", TO(PLANNING) | TO(DONE), start_surveying, after_surveying,
                     JOB_CANCELABLE, 0},
    [C_PLANNING] = {"planning", TO(PREPARING) | TO(DONE), NULL, after_planning, 0, 0},
    [C_PREPARING] = {"preparing", TO(COPYING) | TO(DISCARDING), start_preparing, after_preparing,
                     JOB_JOURNALED | JOB_CANCELABLE, 0},
    [C_COPYING] = {"copying", TO(PUBLISHING) | TO(DISCARDING), start_copying, after_copying,
                   JOB_JOURNALED | JOB_CANCELABLE | JOB_COPIES, 0},
    [C_PUBLISHING] = {"publishing", TO(RECORDING) | TO(DISCARDING), start_publishing,
                      after_publishing, JOB_JOURNALED | JOB_CANCELABLE, C_PUBLISHING},
    [C_RECORDING] = {"recording", TO(PLANNING), NULL, copy_after_recording, JOB_WAITS | JOB_DECIDED,
                     C_PUBLISHING},
    [C_DISCARDING] = {"discarding", TO(PLANNING) | TO(DONE), copy_start_discarding,
                      copy_after_discarding, JOB_WAITS | JOB_DECIDED, 0},
    [C_DONE] = {"done", 0, NULL, copy_after_done, JOB_FINAL | JOB_DECIDED, 0},
    [C_DONE + 1] = {0},
};

static const char *const doing[] = {
    [C_QUEUED] = "beginning",
    [C_PROBING] = "looking at the repository",
    [C_WAITING] = "finding out which numbers of jobs were used",
    [C_SURVEYING] = "looking at the copies that are there",
    [C_PLANNING] = "finding out what is to be copied",
    [C_PREPARING] = "making the copy's files",
    [C_COPYING] = "copying",
    [C_PUBLISHING] = "syncing what was copied, and comparing its contents",
    [C_RECORDING] = "writing the copy into the catalog",
    [C_DISCARDING] = "undoing: removing its files",
    [C_DONE] = "ending",
};

static int resume(struct job_run *r, int go_on)
{
    copy_of_run(r)->reached = MADE_PARTIAL; /* see resume in backup.c */
    r->has_begun = true;
    if (!r->row.plan.id) {
        err_set(&r->err, ERR_REMOTE, "interrupted: the daemon was stopped");
        return C_DONE;
    }
    MARK("a copy is gone on with, or undone, by the next daemon");
    if (!r->repo || (go_on == C_PUBLISHING && copy_plan_again(r, &r->err) < 0))
        go_on = C_DISCARDING;
    return go_on;
}

static void claims(const struct job_run *r, struct job_claims *ret)
{
    const struct config_policy *p = config_policy_find(r->env->config, r->row.policy);

    ret->chain = CHAIN_COPY;
    ret->limited = false;
    claims_add_repository(ret, p ? p->repository : NULL);
}

static void done(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);

    survey_look_done(&run->look);
    point_done(&run->source);
    point_done(&run->published);
    free(run->whole);
}

const struct job_type copy_type = {
    .kind = JOB_COPY,
    .failure_stays = true,
    .size = sizeof(struct copy_run),
    .steps = steps,
    .doing = doing,
    .gives_up = C_DISCARDING,
    .done = done,
    .resume = resume,
    .claims = claims,
};

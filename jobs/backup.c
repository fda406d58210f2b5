/* SPDX-License-Identifier: MIT
 *
 * A backup job's state machine.
 *
 *   queued -> looking -> cleaning -> probing -> numbering -> surveying -> checking -> comparing
 *        (looking -> queued, while somebody else is at work on the domain)
 *                |           |          |           |            |           |           |
 *                +-----------+----+-----+-----------+------------+-----------+-----------+
 *                                 v
 *      failed <------------------(nothing touched)
 *
 *   comparing -> preparing -> beginning -> copying
 *                   |            |           |
 *                   +------+-----+-----------+
 *                          v
 *                       aborting -> releasing
 *         ^                                                                        |
 *         +--- discarding <- dropping-new <----------------------------------------+
 *
 *   (a pull: beginning -> pulling -> confirming -> unexporting -> publishing)
 *   copying -> publishing -> recording -> forgetting -> dropping-old -> done
 *
 * What the order protects:
 * - Before `preparing` nothing is touched but what our former jobs left; then the plan, with the
 *   provisional checkpoint's name, is committed, and only then anything is made.
 * - The image is complete when the hypervisor has closed it (job_stats says completed), and a point
 *   exists when its directory has been renamed (publishing).
 * - `recording` commits point, checkpoint and outcome together.  Before it the old checkpoint is
 *   the base of the next increment, after it the new one; the old one is dropped last.
 * - Unwinding gives up the new checkpoint and the partial directory, never the old checkpoint.
 *   What cannot be undone (the hypervisor is gone) stays known in the catalog and goes before the
 *   next job.
 *
 * Each state waits for one op, or for the alarm.  Every state from `preparing` on is in the journal
 * before its work starts; recover.c says how a restart goes on from each.
 */
#include "jobs/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/backup_elsewhere.h"
#include "jobs/hv_at_host.h"
#include "jobs/survey.h"
#include "storage/catalog/catalog_frozen.h"
#include "storage/places/places.h"

/* ---- the work of each state: an op, or NULL with *err, or NULL without: nothing to do ---- */

/* The point that would be stood on may be gone or torn: then another one, or a full. */
static struct op *start_surveying(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);

    return survey_start(r->env, r->repo, r->row.host, r->row.domain, &run->look, job_on_op, r, err);
}

static struct op *start_checking(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);

    if (!run->has_base || r->row.level == LEVEL_FULL)
        return NULL;
    return r->repo->store->ops->check_chain(r->repo->store, run->base.id, job_on_op, r, err);
}

/* What was exported may have changed under the reader (the images of a domain that was shut off,
 * and is not any more): only the hypervisor knows. */
static struct op *start_confirming(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    struct hypervisor *hv = r->host->hv;
    const struct hv_job job = hv_job_of(r);

    return hv->ops->job_stats(hv, &job, &run->hv.stats, job_on_op, r, err);
}

static struct op *start_publishing(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    const struct store_scratch scratch = backup_plan_scratch(r);
    const struct store_finish finish = {r->repo->compress, r->repo->reserve};

    /* See resume. */
    run->reached = r->resumed ? MADE_PARTIAL : MADE_POINT;
    point_done(&run->published);
    return r->repo->store->ops->publish(r->repo->store, &r->row.plan, &scratch, &finish,
                                        &run->published, job_on_op, r, err);
}

static struct op *start_dropping_old(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    struct hypervisor *hv = hv_hypervisor(r, err);

    if (!hv || !run->former)
        return NULL;
    return hv->ops->checkpoint_delete(hv, r->row.domain, run->former, job_on_op, r, err);
}

static struct op *start_discarding(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    const struct store_scratch scratch = backup_plan_scratch(r);

    if (run->reached == MADE_POINT)
        MARK("a backup is undone after it came to publishing");
    if (!r->repo) {
        err_set(err, ERR_NOTFOUND, "repository %s is not configured any more", r->row.repository);
        return NULL;
    }
    return r->repo->store->ops->discard(r->repo->store, &r->row.plan, run->reached, &scratch,
                                        job_on_op, r, err);
}

/* ---- what the end of each state's work means: the next state ---- */

/* It waits for its turn, and has it now. */
static int after_queued(struct job_run *r)
{
    if (r->host && r->host->hv && r->repo)
        return B_LOOKING;
    if (r->host && !r->host->hv)
        r->err = r->host->problem;
    else
        err_set(&r->err, ERR_NOTFOUND, "its host or repository is not configured");
    return B_FAILED;
}

static int after_looking(struct job_run *r)
{
    if (hv_looked(r) == 0)
        return B_CLEANING;
    return backup_waits_for_others(r) ? JOB_RESTS : B_FAILED;
}

static int after_cleaning(struct job_run *r)
{
    bool all = hv_cleaned(r);

    if (all && hv_looks_again(r))
        return job_unless_bad(r, B_LOOKING, B_FAILED);
    return job_unless_bad(r, all ? B_PROBING : B_CLEANING, B_FAILED);
}

static int after_probing(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    int next;

    if (!r->canceled)
        r->env->ops->saw_repo(r->repo, &run->space, r->op_err.code != ERR_NONE ? &r->op_err : NULL);
    if (r->op_err.code == ERR_NONE && run->space.read_only)
        err_set(&r->op_err, ERR_IO, "%s: its file system is read-only", r->repo->path);
    next = backup_unless_refused(r, B_NUMBERING, B_FAILED);
    if (next == B_NUMBERING) {
        backup_plan_mode(r);
        return backup_scratch_lacks(r) ? B_FAILED : next;
    }
    r->repo->gave_way = 0;
    err_wrap(&r->err, "repository %s", r->repo->name);
    return next;
}

static int after_surveying(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (backup_unless_refused(r, B_CHECKING, B_FAILED) == B_FAILED) {
        err_wrap(&r->err, "repository %s", r->repo->name);
        return B_FAILED;
    }
    if (survey_record(r->env, r->repo, r->row.host, r->row.domain, &run->look, &r->err) < 0 ||
        backup_base_load(r, &r->err) < 0)
        return B_FAILED;
    return B_CHECKING;
}

/* The base's files were looked at. */
static int after_checking(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (r->op_err.code != ERR_NONE && r->op_err.code != ERR_CANCELED) {
        MARK("the chain's base cannot be stood on");
        snprintf(run->base_missing, sizeof(run->base_missing), "%s", r->op_err.msg);
        r->op_err = ERR_INIT;
    }
    if (job_is_bad(r))
        return B_FAILED;
    backup_plan_compare(r);
    return B_COMPARING;
}

/* All that decides is known: commit the plan. */
static int after_comparing(struct job_run *r)
{
    hv_compare_log(r);
    if (job_is_bad(r) || backup_plan_make(r, &r->err) < 0 ||
        catalog_job_start(r->env->catalog, r->row.id, env_now(r->env), r->row.level, r->row.why,
                          &r->row.plan, &r->err) < 0)
        return B_FAILED;
    r->row.state = JOB_RUNNING;
    r->row.started = env_now(r->env);
    log_info("job=%lld domain=%s/%s %s: %s", (long long)r->row.id, r->row.host, r->row.domain,
             level_name(r->row.level), r->row.why);
    return B_PREPARING;
}

static int after_preparing(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    /* Refused: what is there is somebody else's, and stays. */
    if (r->op_err.code == ERR_EXISTS || r->op_err.code == ERR_DENIED) {
        MARK("somebody else has the place in the repository");
        run->reached = MADE_NOTHING;
    }
    return backup_unless_refused(r, B_BEGINNING, B_ABORTING);
}

static int after_beginning(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    struct err err = ERR_INIT;

    backup_elsewhere_explain_begin(r, &r->op_err);
    r->row.plan.quiesced = run->hv.begun.quiesced;
    if (run->hv.begun.quiesced && catalog_quiesced_put(r->env->catalog, r->row.id, &err) < 0)
        catalog_trouble(r->env, "record that the guest was quiesced", &err);
    if (run->hv.begun.quiesced &&
        catalog_freeze_put(r->env->catalog, r->row.host, r->row.domain, run->hv.begun.frozen_ms,
                           env_now(r->env), &err) < 0)
        catalog_trouble(r->env, "record how long the guest was frozen", &err);
    if (run->hv.begun.quiesced)
        log_info("job=%lld domain=%s/%s the guest's file systems were frozen for %d ms",
                 (long long)r->row.id, r->row.host, r->row.domain, run->hv.begun.frozen_ms);
    if (*run->hv.begun.note)
        log_warning("job=%lld domain=%s/%s %s%s", (long long)r->row.id, r->row.host, r->row.domain,
                    run->hv.begun.perhaps_frozen ? "" : "not quiesced: ", run->hv.begun.note);
    hv_log_unsafe(r);
    return job_unless_bad(r, r->row.plan.mode == MODE_PULL ? B_PULLING : B_COPYING, B_ABORTING);
}

/* ---- pulling ---- */

static int after_confirming(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (job_is_bad(r))
        return B_ABORTING;
    hv_take_stats(r, &run->hv.stats);
    if (run->hv.stats.state == HVJOB_RUNNING && run->hv.stats.ends_with_us)
        MARK("the images of a domain that is shut off are read to their end");
    if (run->hv.stats.state == HVJOB_FAILED)
        r->err = run->hv.stats.err;
    else if (run->hv.stats.state != HVJOB_RUNNING)
        err_set(&r->err, ERR_REMOTE, "the hypervisor has lost the job");
    return r->err.code == ERR_NONE ? B_UNEXPORTING : B_ABORTING;
}

/* All was read: what the hypervisor says now is no matter of the point. */
static int after_unexporting(struct job_run *r)
{
    hv_warn_left(r, "the export at the hypervisor");
    r->op_err = ERR_INIT;
    return job_unless_bad(r, B_PUBLISHING, B_ABORTING);
}

/* Once published it is recorded: a cancel comes too late then.  The copy is finished: where its
 * repository is not there, or hangs, that is waited for. */
static int after_publishing(struct job_run *r)
{
    if (r->op_err.code == ERR_NONE)
        return B_RECORDING;
    return backup_waits_for_repository(r) ? B_AWAITING
                                          : backup_unless_refused(r, B_RECORDING, B_ABORTING);
}

/* ---- the machine ---- */

#define TO(s) JOB_BIT(B_##s)

/* Copying has begun already when it is entered: a successor would go on from `beginning` in the
 * same way, so it need not be announced. */
static const struct job_step steps[] = {
    [B_QUEUED] = {"queued",
                  TO(LOOKING) | TO(FAILED) | TO(COPYING) | TO(CONFIRMING) | TO(UNEXPORTING) |
                      TO(PUBLISHING) | TO(ABORTING),
                  NULL, after_queued, 0, 0},
    [B_LOOKING] = {"looking", TO(CLEANING) | TO(FAILED), hv_look_start, after_looking,
                   JOB_CANCELABLE, 0},
    [B_CLEANING] = {"cleaning", TO(CLEANING) | TO(LOOKING) | TO(PROBING) | TO(FAILED),
                    hv_clean_start, after_cleaning, JOB_CANCELABLE, 0},
    [B_PROBING] = {"probing", TO(NUMBERING) | TO(FAILED), backup_start_probing, after_probing,
                   JOB_CANCELABLE, 0},
    [B_NUMBERING] = {"numbering", TO(SURVEYING) | TO(FAILED), backup_start_numbering,
                     backup_after_numbering, JOB_WAITS | JOB_UNTIL_COMPARED, 0},
    [B_SURVEYING] = {"surveying", TO(CHECKING) | TO(FAILED), start_surveying, after_surveying,
                     JOB_CANCELABLE, 0},
    [B_CHECKING] = {"checking", TO(COMPARING) | TO(FAILED), start_checking, after_checking,
                    JOB_CANCELABLE, 0},
    [B_COMPARING] = {"comparing", TO(PREPARING) | TO(FAILED), hv_compare_start, after_comparing,
                     JOB_CANCELABLE, 0},
    [B_PREPARING] = {"preparing", TO(BEGINNING) | TO(ABORTING), backup_prepare, after_preparing,
                     JOB_JOURNALED | JOB_CANCELABLE, 0},
    /* It may have begun, or not: job_stats tells. */
    [B_BEGINNING] = {"beginning", TO(COPYING) | TO(PULLING) | TO(ABORTING), backup_plan_begin,
                     after_beginning, JOB_JOURNALED | JOB_CANCELABLE, B_COPYING},
    [B_COPYING] = {"copying", TO(ASKING), hv_watch_start, backup_after_copying,
                   JOB_WAITS | JOB_LOOKS | JOB_COPIES, B_COPYING},
    [B_ASKING] = {"copying", TO(COPYING) | TO(WEIGHING) | TO(PUBLISHING) | TO(ABORTING),
                  hv_ask_start, backup_after_asking, JOB_CANCELABLE | JOB_COPIES, 0},
    [B_WEIGHING] = {"copying", TO(COPYING) | TO(ABORTING), backup_start_probing,
                    backup_after_weighing, JOB_CANCELABLE | JOB_COPIES, 0},
    [B_PULLING] = {"pulling", TO(CONFIRMING) | TO(EXPLAINING) | TO(ABORTING), backup_plan_pull,
                   backup_after_pulling, JOB_JOURNALED | JOB_CANCELABLE | JOB_COPIES, 0},
    [B_EXPLAINING] = {"pulling", TO(ABORTING), start_confirming, backup_after_explaining,
                      JOB_CANCELABLE, 0},
    [B_CONFIRMING] = {"confirming", TO(UNEXPORTING) | TO(ABORTING), start_confirming,
                      after_confirming, JOB_JOURNALED | JOB_CANCELABLE, B_CONFIRMING},
    [B_UNEXPORTING] = {"unexporting", TO(PUBLISHING) | TO(ABORTING), hv_abort_start,
                       after_unexporting, JOB_JOURNALED | JOB_CANCELABLE, B_UNEXPORTING},
    [B_PUBLISHING] = {"publishing", TO(RECORDING) | TO(AWAITING) | TO(ABORTING), start_publishing,
                      after_publishing, JOB_JOURNALED | JOB_CANCELABLE, B_PUBLISHING},
    [B_AWAITING] = {"awaiting-repository", TO(LOOKING_FOR) | TO(ABORTING), backup_start_awaiting,
                    backup_after_awaiting, JOB_WAITS, B_PUBLISHING},
    [B_LOOKING_FOR] = {"awaiting-repository", TO(AWAITING) | TO(PUBLISHING) | TO(ABORTING),
                       backup_start_probing, backup_after_looking_for, JOB_CANCELABLE, 0},
    [B_RECORDING] = {"recording", TO(FORGETTING), NULL, backup_after_recording,
                     JOB_WAITS | JOB_DECIDED, B_PUBLISHING},
    [B_FORGETTING] = {"forgetting", TO(DROPPING_OLD), hv_forget_start, backup_after_forgetting,
                      JOB_DECIDED, 0},
    [B_DROPPING_OLD] = {"dropping-old", TO(DONE), start_dropping_old, backup_after_dropping_old,
                        JOB_DECIDED, 0},
    [B_DONE] = {"done", 0, NULL, backup_after_done, JOB_FINAL | JOB_DECIDED, 0},
    [B_ABORTING] = {"aborting", TO(RELEASING), hv_abort_start, backup_after_aborting, JOB_DECIDED,
                    0},
    [B_RELEASING] = {"releasing", TO(DROPPING_NEW), hv_forget_start, backup_after_releasing,
                     JOB_DECIDED, 0},
    [B_DROPPING_NEW] = {"dropping-new", TO(DISCARDING), hv_drop_start, backup_after_dropping_new,
                        JOB_DECIDED, 0},
    [B_DISCARDING] = {"discarding", TO(FAILED), start_discarding, backup_after_discarding,
                      JOB_DECIDED, 0},
    [B_FAILED] = {"failed", 0, NULL, backup_after_failed, JOB_FINAL | JOB_DECIDED, 0},
    [B_FAILED + 1] = {0},
};

static const char *const doing[] = {
    [B_QUEUED] = "beginning",
    [B_LOOKING] = "looking at the domain",
    [B_CLEANING] = "cleaning up what former jobs left at the hypervisor",
    [B_PROBING] = "looking at the repository",
    [B_NUMBERING] = "finding out which numbers of jobs were used",
    [B_SURVEYING] = "looking at the points that are there",
    [B_CHECKING] = "looking at the chain",
    [B_COMPARING] = "holding the disks against their last point",
    [B_PREPARING] = "making the point's files",
    [B_BEGINNING] = "beginning the copy",
    [B_COPYING] = "copying",
    [B_ASKING] = "copying",
    [B_WEIGHING] = "copying",
    [B_PULLING] = "copying",
    [B_EXPLAINING] = "asking why the copy was cut off",
    [B_CONFIRMING] = "making sure that what was copied is of one instant",
    [B_UNEXPORTING] = "ending the export",
    [B_PUBLISHING] = "syncing and digesting what was copied",
    [B_AWAITING] = "waiting for the repository, which is not there: the copy is finished",
    [B_LOOKING_FOR] = "waiting for the repository, which is not there: the copy is finished",
    [B_RECORDING] = "writing the point into the catalog",
    [B_FORGETTING] = "tidying up at the hypervisor",
    [B_DROPPING_OLD] = "deleting the former checkpoint",
    [B_DONE] = "ending",
    [B_ABORTING] = "undoing: ending the copy",
    [B_RELEASING] = "undoing: tidying up at the hypervisor",
    [B_DROPPING_NEW] = "undoing: deleting the new checkpoint",
    [B_DISCARDING] = "undoing: removing its files",
    [B_FAILED] = "ending",
};

static void init(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    const struct config_policy *p = config_policy_find(r->env->config, r->row.policy);

    run->quiesce = QUIESCE_TRY; /* perhaps, of a policy that is gone */
    if (!p)
        return;
    run->disks = strlist_copy(&p->disks);
    run->mode = p->mode;
    run->mode_open = !p->mode_given;
    run->scratch = xstrdup(p->scratch);
    run->bandwidth = p->bandwidth;
    run->quiesce = p->quiesce;
    run->freeze_s = (int)p->freeze_timeout;
}

static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->guest = true;
    ret->chain = CHAIN_EXTEND;
}

static void done(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    hv_done(r);
    strlist_done(&run->disks);
    free(run->scratch);
    survey_look_done(&run->look);
    point_done(&run->base);
    free(run->former);
    point_done(&run->published);
}

/* Was the guest quiesced?  What is not known is not so, and where it is required, nothing is to be
 * made of the copy. */
static int resume_quiesced(struct job_run *r, int go_on, struct err *err)
{
    struct backup_run *run = backup_of(r);

    if (catalog_quiesced(r->env->catalog, r->row.id, &r->row.plan.quiesced, err) < 0)
        return -1;
    /* What has come to publishing was judged by who began it. */
    if (run->quiesce != QUIESCE_REQUIRE || r->row.plan.quiesced || go_on == B_PUBLISHING)
        return 0;
    return err_set(err, ERR_REMOTE,
                   "interrupted: the daemon was stopped before it was known whether the guest is "
                   "quiesced");
}

static void mark_resume(int go_on)
{
    if (go_on == B_COPYING)
        MARK("a copy is gone on with after a restart");
    else if (go_on == B_CONFIRMING)
        MARK("a pull that was read is confirmed after a restart");
    else if (go_on == B_UNEXPORTING)
        MARK("an export is ended after a restart");
    else if (go_on == B_PUBLISHING)
        MARK("a point is published after a restart");
    else
        MARK("a backup is undone after a restart");
}

static int resume(struct job_run *r, int go_on)
{
    struct backup_run *run = backup_of(r);
    struct hypervisor *hv = r->host ? r->host->hv : NULL;
    bool began = go_on == B_COPYING;

    r->has_begun = true;
    /* A finished point of its name stays, whatever becomes of the job: of a catalog that was put
     * back the journal is old, and the job may have ended well since.  A point that the catalog
     * does not know is found by compare.c. */
    run->reached = MADE_PARTIAL;
    /* What copied a pull has died with the daemon. */
    if (go_on == B_COPYING && r->row.plan.mode == MODE_PULL)
        go_on = B_ABORTING;
    if (!hv || !r->repo || backup_base_load(r, &r->err) < 0)
        go_on = B_ABORTING;
    if (r->err.code == ERR_NONE && resume_quiesced(r, go_on, &r->err) < 0)
        go_on = B_ABORTING;
    if (began && hv && hv->ops->owe_thaw && run->quiesce != QUIESCE_OFF && !r->row.plan.quiesced)
        hv->ops->owe_thaw(hv, r->row.domain, false);
    mark_resume(go_on);
    return go_on;
}

const struct job_type backup_type = {
    .kind = JOB_BACKUP,
    .size = sizeof(struct backup_run),
    .steps = steps,
    .doing = doing,
    .gives_up = B_ABORTING,
    .init = init,
    .done = done,
    .resume = resume,
    .claims = claims,
    .event = hv_look_again,
    .makes_points = true,
    .backup = true,
};

/* SPDX-License-Identifier: MIT
 *
 * A backup job's state machine.
 *
 *   queued -> looking -> cleaning -> probing -> surveying -> checking -> comparing
 *                |           |          |           |           |           |
 *                +-----------+----+-----+-----------+-----------+-----------+
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
#include "scheduler/scheduler_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/catalog_frozen.h"

enum backup_state {
    B_QUEUED,
    B_LOOKING,
    B_CLEANING,
    B_PROBING,
    B_SURVEYING,
    B_CHECKING,
    B_COMPARING,
    B_PREPARING,
    B_BEGINNING,
    B_COPYING,
    B_PULLING,
    B_CONFIRMING,
    B_UNEXPORTING,
    B_PUBLISHING,
    B_RECORDING,
    B_FORGETTING,
    B_DROPPING_OLD,
    B_DONE,
    B_ABORTING,
    B_RELEASING,
    B_DROPPING_NEW,
    B_DISCARDING,
    B_FAILED,
    B_STATES
};

#define TO(s) FSM_BIT(B_##s)
static const struct fsm_state states[] = {
    /* the last five: taken over from a former life */
    [B_QUEUED] = {"queued", TO(LOOKING) | TO(FAILED) | TO(COPYING) | TO(CONFIRMING) |
                                TO(UNEXPORTING) | TO(PUBLISHING) | TO(ABORTING)},
    [B_LOOKING] = {"looking", TO(CLEANING) | TO(FAILED)},
    [B_CLEANING] = {"cleaning", TO(CLEANING) | TO(PROBING) | TO(FAILED)},
    [B_PROBING] = {"probing", TO(SURVEYING) | TO(FAILED)},
    [B_SURVEYING] = {"surveying", TO(CHECKING) | TO(FAILED)},
    [B_CHECKING] = {"checking", TO(COMPARING) | TO(FAILED)},
    [B_COMPARING] = {"comparing", TO(PREPARING) | TO(FAILED)},
    [B_PREPARING] = {"preparing", TO(BEGINNING) | TO(ABORTING)},
    [B_BEGINNING] = {"beginning", TO(COPYING) | TO(PULLING) | TO(ABORTING)},
    [B_COPYING] = {"copying", TO(PUBLISHING) | TO(ABORTING)},
    [B_PULLING] = {"pulling", TO(CONFIRMING) | TO(ABORTING)},
    [B_CONFIRMING] = {"confirming", TO(UNEXPORTING) | TO(ABORTING)},
    [B_UNEXPORTING] = {"unexporting", TO(PUBLISHING) | TO(ABORTING)},
    [B_PUBLISHING] = {"publishing", TO(RECORDING) | TO(ABORTING)},
    [B_RECORDING] = {"recording", TO(FORGETTING)},
    [B_FORGETTING] = {"forgetting", TO(DROPPING_OLD)},
    [B_DROPPING_OLD] = {"dropping-old", TO(DONE)},
    [B_DONE] = {"done", 0},
    [B_ABORTING] = {"aborting", TO(RELEASING)},
    [B_RELEASING] = {"releasing", TO(DROPPING_NEW)},
    [B_DROPPING_NEW] = {"dropping-new", TO(DISCARDING)},
    [B_DISCARDING] = {"discarding", TO(FAILED)},
    [B_FAILED] = {"failed", 0},
};

#define POLL_FIRST_S 1.0
#define POLL_S 5.0
#define STALL_S 120 /* a copy that moves nothing for so long is given up */
#define DEAF_MAX 4  /* polls in a row without an answer */
#define SAVE_PROGRESS_S 30
#define RECORD_AGAIN_S 10
#define SPACE_FLOOR (UINT64_C(64) << 20)
#define SCRATCH_FLOOR (UINT64_C(64) << 20)

static void backup_step(struct run *r);

/* ---- the work of each state: an op, or NULL with *err, or NULL without: nothing to do ---- */

static struct op *start_looking(struct run *r, struct err *err)
{
    struct hypervisor *hv = r->host->hv;

    return hv->ops->inspect(hv, r->row.domain, &r->facts, run_on_op, r, err);
}

static struct op *start_probing(struct run *r, struct err *err)
{
    return r->repo->store->ops->probe(r->repo->store, !r->repo->known, &r->space, run_on_op, r,
                                      err);
}

/* The point that would be stood on may be gone or torn: then another one, or a full. */
static struct op *start_surveying(struct run *r, struct err *err)
{
    survey_done(&r->found);
    return survey_start(r->s, r->repo, r->row.host, r->row.domain, &r->found, run_on_op, r, err);
}

static struct op *start_checking(struct run *r, struct err *err)
{
    if (!r->has_base || r->row.level == LEVEL_FULL)
        return NULL;
    return r->repo->store->ops->check_chain(r->repo->store, r->base.id, run_on_op, r, err);
}

static struct op *start_preparing(struct run *r, struct err *err)
{
    const struct point_origin origin = {
        .definition_name = r->facts->definition_name,
        .definition = r->facts->definition,
        .uid = r->facts->uid,
        .gid = r->facts->gid,
    };
    struct store_scratch scratch = backup_plan_scratch(r);
    CLEANUP(owned_list_done) struct owned_list owned = {0};

    if (r->facts->secrets)
        log_notice("job=%lld domain=%s %u secret%s of QEMU's command line %s left out of %s",
                   (long long)r->row.id, r->row.domain, r->facts->secrets,
                   r->facts->secrets == 1 ? "" : "s", r->facts->secrets == 1 ? "is" : "are",
                   r->facts->definition_name);
    owners_list(r->s, r, &owned);
    scratch.owned = &owned;
    r->reached = MADE_PARTIAL;
    return r->repo->store->ops->prepare(r->repo->store, &r->row.plan, &origin, &scratch, run_on_op,
                                        r, err);
}

static struct op *start_copying(struct run *r, struct err *err)
{
    (void)err;
    r->progressed = sched_elapsed(r->s);
    r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, r->resumed ? 0 : POLL_FIRST_S);
    return NULL;
}

/* What was exported may have changed under the reader (the images of a domain that was shut off,
 * and is not any more): only the hypervisor knows. */
static struct op *start_confirming(struct run *r, struct err *err)
{
    struct hypervisor *hv = r->host->hv;

    return hv->ops->job_stats(hv, r->row.domain, r->tag, &r->stats, run_on_op, r, err);
}

static struct op *start_publishing(struct run *r, struct err *err)
{
    const struct store_scratch scratch = backup_plan_scratch(r);

    r->reached = MADE_POINT;
    point_done(&r->published);
    return r->repo->store->ops->publish(r->repo->store, &r->row.plan, &scratch, &r->published,
                                        run_on_op, r, err);
}

static struct op *start_forgetting(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->job_forget(hv, r->row.domain, r->tag, run_on_op, r, err) : NULL;
}

static struct op *start_dropping_old(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    if (!hv || !r->has_base || !r->base_current)
        return NULL;
    return hv->ops->checkpoint_delete(hv, r->row.domain, r->base.checkpoint, run_on_op, r, err);
}

static struct op *start_aborting(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->abort_job(hv, r->row.domain, r->tag, run_on_op, r, err) : NULL;
}

static struct op *start_dropping_new(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    if (!hv || !r->row.plan.checkpoint)
        return NULL;
    return hv->ops->checkpoint_delete(hv, r->row.domain, r->row.plan.checkpoint, run_on_op, r, err);
}

static struct op *start_discarding(struct run *r, struct err *err)
{
    const struct store_scratch scratch = backup_plan_scratch(r);

    if (!r->repo) {
        err_set(err, ERR_NOTFOUND, "repository %s is not configured any more", r->row.repository);
        return NULL;
    }
    return r->repo->store->ops->discard(r->repo->store, &r->row.plan, r->reached, &scratch,
                                        run_on_op, r, err);
}

static struct op *(*const starters[B_STATES])(struct run *, struct err *) = {
    [B_LOOKING] = start_looking,           [B_CLEANING] = chores_start,
    [B_PROBING] = start_probing,           [B_SURVEYING] = start_surveying,
    [B_CHECKING] = start_checking,         [B_COMPARING] = compared_start,
    [B_PREPARING] = start_preparing,       [B_BEGINNING] = backup_plan_begin,
    [B_COPYING] = start_copying,           [B_PUBLISHING] = start_publishing,
    [B_PULLING] = backup_plan_pull,        [B_CONFIRMING] = start_confirming,
    [B_UNEXPORTING] = start_aborting,      [B_FORGETTING] = start_forgetting,
    [B_DROPPING_OLD] = start_dropping_old, [B_ABORTING] = start_aborting,
    [B_RELEASING] = start_forgetting,      [B_DROPPING_NEW] = start_dropping_new,
    [B_DISCARDING] = start_discarding,
};

/* Moves on and starts what the state does.  True: suspended. */
static bool enter(struct run *r, enum backup_state state)
{
    r->op_err = ERR_INIT;
    fsm_move(&r->fsm, (int)state);
    /* An effect that the journal could not announce does not happen; undoing always does.  Copying
     * has begun already: a restart would go on from `beginning` in the same way. */
    if (r->op_err.code != ERR_NONE && state < B_ABORTING && state != B_COPYING)
        return false;
    r->op_err = ERR_INIT;
    r->op = starters[state](r, &r->op_err);
    return r->op || state == B_COPYING;
}

/* Did the op fail, or has somebody asked for the end?  Then that is the job's first error. */
static bool bad(struct run *r)
{
    if (r->err.code == ERR_NONE && r->op_err.code != ERR_NONE)
        r->err = r->op_err;
    if (r->err.code == ERR_NONE && r->canceled)
        err_set(&r->err, ERR_CANCELED, "cancelled on request");
    return r->err.code != ERR_NONE;
}

/* ---- what the end of each state's work means ---- */

static bool after_looking(struct run *r)
{
    const struct domain_facts *f = r->facts;

    if (bad(r))
        return false;
    watch_saw_domain(r->s, r->row.host, r->row.domain, f);
    /* One that is shut off is backed up by its images, if they could be read. */
    if (f->state == DOMAIN_UNREACHABLE || (f->state == DOMAIN_SHUTOFF && f->disks.n == 0)) {
        err_set(&r->err, f->foreign_job ? ERR_BUSY : ERR_REMOTE, "the domain is %s%s%s",
                domain_state_name(f->state), f->problem ? ": " : "", f->problem ? f->problem : "");
        return false;
    }
    return chores_find(r, &r->err) == 0;
}

static bool after_probing(struct run *r)
{
    if (!r->canceled)
        watch_saw_repo(r->s, r->repo, &r->space, r->op_err.code != ERR_NONE ? &r->op_err : NULL);
    if (r->op_err.code == ERR_NONE)
        compare_newcomer(r->repo);
    if (bad(r)) {
        err_wrap(&r->err, "repository %s", r->repo->name);
        return false;
    }
    return true;
}

static bool after_surveying(struct run *r)
{
    if (bad(r)) {
        err_wrap(&r->err, "repository %s", r->repo->name);
        return false;
    }
    return survey_record(r->s, r->repo, r->row.host, r->row.domain, &r->found, &r->err) == 0 &&
           backup_plan_load_base(r, &r->err) == 0;
}

/* The base's files were looked at. */
static bool after_checking(struct run *r)
{
    if (r->op_err.code != ERR_NONE && r->op_err.code != ERR_CANCELED) {
        snprintf(r->base_missing, sizeof(r->base_missing), "%s", r->op_err.msg);
        r->op_err = ERR_INIT;
    }
    if (bad(r))
        return false;
    backup_plan_compare(r);
    return true;
}

/* All that decides is known: commit the plan. */
static bool after_comparing(struct run *r)
{
    compared_log(r);
    if (bad(r) || backup_plan_make(r, &r->err) < 0 ||
        catalog_job_start(r->s->env.catalog, r->row.id, sched_now(r->s), r->row.level, r->row.why,
                          &r->row.plan, &r->err) < 0)
        return false;
    r->row.state = JOB_RUNNING;
    r->row.started = sched_now(r->s);
    log_info("job=%lld domain=%s %s: %s", (long long)r->row.id, r->row.domain,
             level_name(r->row.level), r->row.why);
    return true;
}

/* Refused: what is there is somebody else's, and stays. */
static void after_preparing(struct run *r)
{
    if (r->op_err.code == ERR_EXISTS || r->op_err.code == ERR_DENIED)
        r->reached = MADE_NOTHING;
}

static void after_beginning(struct run *r)
{
    struct err err = ERR_INIT;

    r->row.plan.quiesced = r->begun.quiesced;
    if (r->begun.quiesced && catalog_quiesced_put(r->s->env.catalog, r->row.id, &err) < 0)
        catalog_trouble(r->s, "record that the guest was quiesced", &err);
    if (r->begun.quiesced)
        log_info("job=%lld domain=%s the guest's file systems were frozen for %d ms",
                 (long long)r->row.id, r->row.domain, r->begun.frozen_ms);
    if (*r->begun.note)
        log_warning("job=%lld domain=%s %s%s", (long long)r->row.id, r->row.domain,
                    r->begun.perhaps_frozen ? "" : "not quiesced: ", r->begun.note);
    if (!r->begun.guest_safe && *r->begun.unsafe)
        log_warning("job=%lld domain=%s guest-safe copy not possible: %s", (long long)r->row.id,
                    r->row.domain, r->begun.unsafe);
}

static bool after_confirming(struct run *r)
{
    if (bad(r))
        return false;
    run_take_stats(r, &r->stats);
    if (r->stats.state == HVJOB_FAILED)
        r->err = r->stats.err;
    else if (r->stats.state != HVJOB_RUNNING)
        err_set(&r->err, ERR_REMOTE, "the hypervisor has lost the job");
    return r->err.code == ERR_NONE;
}

static void drop_warning(struct run *r, const char *what)
{
    if (r->op_err.code != ERR_NONE)
        log_warning("job=%lld domain=%s %s is left for the next job to clean up: %s",
                    (long long)r->row.id, r->row.domain, what, r->op_err.msg);
}

static void forget_checkpoint(struct run *r, const char *name)
{
    struct err err = ERR_INIT;

    if (r->op_err.code != ERR_NONE)
        drop_warning(r, name);
    else if (name && catalog_checkpoint_forget(r->s->env.catalog, name, &err) < 0)
        catalog_trouble(r->s, "forget a checkpoint", &err);
}

/* Files that could not be removed stay in the catalog, as a point that is being deleted: the next
 * prune removes them. */
static void keep_debris(struct run *r)
{
    struct point debris = r->row.plan;
    struct err err = ERR_INIT;

    if (r->op_err.code == ERR_NONE)
        return;
    drop_warning(r, "what it wrote to the repository");
    debris.state = POINT_DELETING;
    debris.parent = NULL;
    debris.disks.n = 0;
    if (catalog_point_add(r->s->env.catalog, &debris, &err) < 0)
        catalog_trouble(r->s, "remember what is to be removed", &err);
}

/* ---- copying: wait for an event or the alarm, then ask ---- */

static struct op *ask(struct run *r, struct err *err)
{
    struct hypervisor *hv = r->host->hv;

    r->look_again = false;
    r->probing = false;
    return hv->ops->job_stats(hv, r->row.domain, r->tag, &r->stats, run_on_op, r, err);
}

static void note_progress(struct run *r)
{
    int64_t now = sched_elapsed(r->s);

    if (r->stats.bytes_done != r->last_done) {
        r->last_done = r->stats.bytes_done;
        r->progressed = now;
    }
    run_take_stats(r, &r->stats);
    if (now - r->progress_saved >= SAVE_PROGRESS_S) {
        r->progress_saved = now;
        run_save_progress(r);
    }
    queue_notify(r);
}

/* The answer to job_stats.  True: the copy is over, well or badly (r->err). */
static bool copy_is_over(struct run *r)
{
    if (r->op_err.code != ERR_NONE) {
        if (++r->deaf < DEAF_MAX)
            return false;
        r->err = r->op_err;
        err_wrap(&r->err, "the hypervisor could not be asked %d times in a row", r->deaf);
        return true;
    }
    r->deaf = 0;
    switch (r->stats.state) {
    case HVJOB_RUNNING:
        note_progress(r);
        if (sched_elapsed(r->s) - r->progressed < STALL_S)
            return false;
        err_set(&r->err, ERR_TIMEOUT, "the copy moved nothing for %d s", STALL_S);
        return true;
    case HVJOB_COMPLETED:
        run_take_stats(r, &r->stats);
        return true;
    case HVJOB_FAILED:
    case HVJOB_CANCELED:
        r->err = r->stats.err;
        if (r->err.code == ERR_NONE)
            err_set(&r->err, ERR_REMOTE, "the hypervisor says that the copy failed, but not why");
        return true;
    case HVJOB_NONE:
        err_set(&r->err, ERR_REMOTE,
                r->resumed ? "interrupted: the daemon was stopped, and the "
                             "hypervisor knows nothing of the job"
                           : "the hypervisor has lost the job");
        return true;
    }
    return true;
}

/* While the hypervisor writes, the repository may fill up under it, which would cost the guest: the
 * job is given up before that. */
static bool space_runs_out(struct run *r)
{
    uint64_t floor = r->space.total / 50 < SPACE_FLOOR ? r->space.total / 50 : SPACE_FLOOR;
    char text[SIZE_TEXT_MAX];

    if (r->op_err.code != ERR_NONE || r->space.free >= floor)
        return false;
    err_set(&r->err, ERR_NOSPACE, "repository %s: only %s left during the copy", r->repo->name,
            size_text(r->space.free, text));
    return true;
}

/* Scratch space may share its file system with more than backups. */
static bool scratch_runs_out(struct run *r)
{
    uint64_t left;

    if (!r->scratch || r->err.code != ERR_NONE)
        return false;
    left = r->repo->store->ops->scratch_free(r->repo->store, r->scratch);
    if (left >= SCRATCH_FLOOR)
        return false;
    err_set(&r->err, ERR_NOSPACE, "scratch space %s: only %s left during the copy", r->scratch,
            size_text(left, (char[SIZE_TEXT_MAX]){0}));
    return true;
}

void backup_job_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct run *r = ctx;

    r->stats.bytes_done = r->row.bytes_done = done;
    r->stats.bytes_total = r->row.bytes_total = total;
    note_progress(r);
    if (scratch_runs_out(r))
        op_cancel(r->op);
}

/* Called when an op of this state has ended, or with none outstanding when it is time to ask.
 * True: the copy is over. */
static bool copying(struct run *r, bool op_ended)
{
    if (op_ended && r->probing) {
        r->probing = false;
        if (space_runs_out(r) || scratch_runs_out(r))
            return true;
    } else if (op_ended) {
        if (copy_is_over(r))
            return true;
        r->probing = !r->canceled && !r->look_again;
        if (r->probing && (r->op = start_probing(r, &r->op_err)))
            return false;
        r->probing = false;
    } else {
        r->op_err = ERR_INIT;
        r->op = ask(r, &r->op_err);
        if (r->op)
            return false;
        if (copy_is_over(r))
            return true;
    }
    if (r->canceled) {
        err_set(&r->err, ERR_CANCELED, "cancelled on request");
        return true;
    }
    r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, r->look_again ? 0 : POLL_S);
    return false;
}

static void on_alarm(void *ctx)
{
    struct run *r = ctx;

    if (r->fsm.state == B_RECORDING) {
        r->step(r);
    } else if (r->fsm.state == B_COPYING && !r->op && copying(r, false)) {
        r->copied = true;
        r->step(r);
    }
}

void backup_job_event(struct run *r)
{
    if (r->fsm.state != B_COPYING)
        return;
    r->look_again = true;
    if (!r->op)
        r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, 0);
}

void backup_job_cancel(struct run *r)
{
    r->canceled = true;
    if (r->fsm.state >= B_RECORDING)
        return;
    if (r->op)
        op_cancel(r->op);
    else if (r->fsm.state == B_COPYING)
        r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, 0);
}

/* ---- recording ---- */

/* Commits the good end.  Not written (disk full, say): the point is published, so nothing is
 * undone; it is tried again until it works or the daemon stops, and then the next start does it. */
static bool record(struct run *r)
{
    struct err err = ERR_INIT;
    char reason[ERR_MSG_MAX], size[SIZE_TEXT_MAX];
    uint64_t bytes = 0;

    for (size_t i = 0; i < r->published.disks.n; i++)
        bytes += r->published.disks.items[i].bytes;
    snprintf(reason, sizeof(reason), "%s of %zu disk%s, %s%s%s%s", level_name(r->published.level),
             r->published.disks.n, r->published.disks.n == 1 ? "" : "s", size_text(bytes, size),
             r->begun.perhaps_frozen ? ", and the guest is perhaps still frozen"
             : r->begun.note[0]      ? ", not quiesced"
                                     : "",
             r->begun.unsafe[0] ? "; guest-safe copy not possible: " : "", r->begun.unsafe);
    backup_disks_tell(r, &r->published, reason);
    run_save_progress(r);
    if (catalog_publish(r->s->env.catalog, r->row.id, sched_now(r->s), &r->published, reason,
                        &err) < 0) {
        catalog_trouble(r->s, "record a finished backup (it will be tried again)", &err);
        r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, RECORD_AGAIN_S);
        return false;
    }
    r->repo->known = true;
    r->row.state = JOB_ENDED;
    free(r->row.reason);
    r->row.reason = xstrdup(reason);
    return true;
}

/* After a good backup: does retention let something go? */
static void succeed(struct run *r)
{
    struct scheduler *s = r->s;
    struct strlist doomed = {0};
    struct run *prune;
    struct err err = ERR_INIT;

    if (prune_judge(s, r->row.host, r->row.domain, r->row.policy, r->row.repository, NULL, &doomed,
                    &err) < 0 ||
        (doomed.n > 0 && !s->draining &&
         prune_queue(s, r->row.host, r->row.domain, r->row.policy, r->row.repository,
                     "after a backup: retention lets points go", &prune, &err) < 0))
        catalog_trouble(s, "judge what to keep", &err);
    strlist_done(&doomed);
    queue_ended(r, OUTCOME_SUCCESS, r->row.reason);
}

static void fail(struct run *r)
{
    /* The error, not what undoing it met, decides: an abort that was asked for is no failure. */
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    bool drop = r->row.state == JOB_RUNNING && r->checkpoint_gone && r->row.plan.checkpoint;
    char *checkpoint = drop ? xstrdup(r->row.plan.checkpoint) : NULL;
    struct scheduler *s = r->s;
    struct err err = ERR_INIT;

    queue_end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
    if (checkpoint && catalog_checkpoint_forget(s->env.catalog, checkpoint, &err) < 0)
        catalog_trouble(s, "forget a checkpoint", &err);
    free(checkpoint);
}

/* ---- the machine ---- */

static void backup_step(struct run *r)
{
    for (;;) {
        switch ((enum backup_state)r->fsm.state) {
        case B_QUEUED:
            if (!r->host || !r->host->hv || !r->repo) {
                if (r->host && !r->host->hv)
                    r->err = r->host->problem;
                else
                    err_set(&r->err, ERR_NOTFOUND, "its host or repository is not configured");
                fsm_move(&r->fsm, B_FAILED);
            } else if (enter(r, B_LOOKING)) {
                return;
            }
            continue;
        case B_LOOKING:
            if (!after_looking(r))
                fsm_move(&r->fsm, B_FAILED);
            else if (enter(r, B_CLEANING))
                return;
            continue;
        case B_CLEANING:
            if (r->chores.next > 0)
                chores_after(r);
            if (bad(r))
                fsm_move(&r->fsm, B_FAILED);
            else if (enter(r, r->chores.next < r->chores.n ? B_CLEANING : B_PROBING))
                return;
            continue;
        case B_PROBING:
            if (!after_probing(r))
                fsm_move(&r->fsm, B_FAILED);
            else if (enter(r, B_SURVEYING))
                return;
            continue;
        case B_SURVEYING:
            if (!after_surveying(r))
                fsm_move(&r->fsm, B_FAILED);
            else if (enter(r, B_CHECKING))
                return;
            continue;
        case B_CHECKING:
            if (!after_checking(r))
                fsm_move(&r->fsm, B_FAILED);
            else if (enter(r, B_COMPARING))
                return;
            continue;
        case B_COMPARING:
            if (!after_comparing(r))
                fsm_move(&r->fsm, B_FAILED);
            else if (enter(r, B_PREPARING))
                return;
            continue;
        case B_PREPARING:
            after_preparing(r);
            if (enter(r, bad(r) ? B_ABORTING : B_BEGINNING))
                return;
            continue;
        case B_BEGINNING:
            after_beginning(r);
            if (enter(r, bad(r)                          ? B_ABORTING
                         : r->row.plan.mode == MODE_PULL ? B_PULLING
                                                         : B_COPYING))
                return;
            continue;
        case B_COPYING:
            if (!r->copied && !copying(r, true))
                return;
            if (enter(r, r->err.code != ERR_NONE ? B_ABORTING : B_PUBLISHING))
                return;
            continue;
        case B_PULLING:
            if (enter(r, bad(r) ? B_ABORTING : B_CONFIRMING))
                return;
            continue;
        case B_CONFIRMING:
            if (enter(r, after_confirming(r) ? B_UNEXPORTING : B_ABORTING))
                return;
            continue;
        case B_UNEXPORTING:
            /* All was read: what the hypervisor says now is no matter of the point. */
            drop_warning(r, "the export at the hypervisor");
            r->op_err = ERR_INIT;
            if (enter(r, bad(r) ? B_ABORTING : B_PUBLISHING))
                return;
            continue;
        case B_PUBLISHING:
            /* Once published it is recorded: a cancel comes too late then. */
            if (r->op_err.code == ERR_NONE)
                fsm_move(&r->fsm, B_RECORDING);
            else if (bad(r) && enter(r, B_ABORTING))
                return;
            continue;
        case B_RECORDING:
            if (!record(r))
                return;
            if (enter(r, B_FORGETTING))
                return;
            continue;
        case B_FORGETTING:
            drop_warning(r, "the ended job at the hypervisor");
            if (enter(r, B_DROPPING_OLD))
                return;
            continue;
        case B_DROPPING_OLD:
            if (r->has_base && r->base_current)
                forget_checkpoint(r, r->base.checkpoint);
            fsm_move(&r->fsm, B_DONE);
            continue;
        case B_ABORTING:
            drop_warning(r, "the job at the hypervisor");
            if (enter(r, B_RELEASING))
                return;
            continue;
        case B_RELEASING:
            if (enter(r, B_DROPPING_NEW))
                return;
            continue;
        case B_DROPPING_NEW:
            r->checkpoint_gone = r->op_err.code == ERR_NONE;
            drop_warning(r, "the new checkpoint");
            if (enter(r, B_DISCARDING))
                return;
            continue;
        case B_DISCARDING:
            keep_debris(r);
            fsm_move(&r->fsm, B_FAILED);
            continue;
        case B_DONE:
            succeed(r);
            return; /* *r is gone */
        case B_FAILED:
            fail(r);
            return; /* *r is gone */
        case B_STATES:
            abort();
        }
    }
}

void backup_job_init(struct run *r)
{
    const struct config_policy *p = config_policy_find(r->s->config, r->row.policy);

    r->fsm.states = states;
    r->step = backup_step;
    r->alarm.fire = on_alarm;
    r->alarm.ctx = r;
    if (!p)
        return;
    r->disks = strlist_copy(&p->disks);
    r->mode = p->mode;
    r->scratch = xstrdup(p->scratch);
    r->bandwidth = p->bandwidth;
    r->quiesce = p->quiesce;
}

/* Was the guest quiesced?  What is not known is not so, and where it is required, nothing is to be
 * made of the copy. */
static int resume_quiesced(struct run *r, struct err *err)
{
    if (catalog_quiesced(r->s->env.catalog, r->row.id, &r->row.plan.quiesced, err) < 0)
        return -1;
    if (r->quiesce != QUIESCE_REQUIRE || r->row.plan.quiesced)
        return 0;
    return err_set(err, ERR_REMOTE,
                   "interrupted: the daemon was stopped before it was known whether the guest is "
                   "quiesced");
}

void backup_job_resume(struct run *r)
{
    static const struct {
        const char *step;
        enum backup_state go_on;
    } from[] = {
        {"beginning", B_COPYING}, /* it may have begun, or not: job_stats tells */
        {"copying", B_COPYING},       {"confirming", B_CONFIRMING}, {"unexporting", B_UNEXPORTING},
        {"publishing", B_PUBLISHING}, {"recording", B_PUBLISHING},
    };
    enum backup_state go_on = B_ABORTING;

    r->resumed = r->has_begun = true;
    r->reached =
        r->row.publishing || str_eq(r->row.step, "publishing") || str_eq(r->row.step, "recording")
            ? MADE_POINT
            : MADE_PARTIAL;
    for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
        if (str_eq(r->row.step, from[i].step))
            go_on = from[i].go_on;
    /* What copied a pull has died with the daemon. */
    if (go_on == B_COPYING && r->row.plan.mode == MODE_PULL)
        go_on = B_ABORTING;
    if (!r->host || !r->host->hv || !r->repo || backup_plan_load_base(r, &r->err) < 0)
        go_on = B_ABORTING;
    if (go_on != B_PUBLISHING && r->err.code == ERR_NONE && resume_quiesced(r, &r->err) < 0)
        go_on = B_ABORTING;
    if (go_on == B_ABORTING && r->err.code == ERR_NONE)
        err_set(&r->err, ERR_REMOTE, "interrupted: the daemon was stopped while the job was %s",
                r->row.step ? r->row.step : "starting");
    if (!enter(r, go_on))
        backup_step(r);
}

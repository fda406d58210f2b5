/* SPDX-License-Identifier: MIT
 *
 * A backup begun by hand: its state machine.  It starts at once or is refused; it has no policy, no
 * repository and makes no restore point: what it copies and where is its document's business.
 *
 * (checking is followed by comparing, and beginning by mapping)
 * starting -> looking -> cleaning -> checking -> placing -> beginning -> running -> recording
 *                ^----------+          |           |           |         |  |         ^ |
 *                                    failed        |           |         |  +-> stopping -> judging
 *                                                  v           v         v              |      |
 *   failed <- clearing <- dropping <- releasing <- aborting <------------+<-------------|------+
 *                                                                                       v
 *                                                            done <- clearing <- forgetting
 *
 * - Nothing is touched before the job's row, with the complete document and the provisional
 *   checkpoint, is in the catalog; it is written in one transaction right before `placing`.
 * - What is in the places of the document belongs to somebody else (api_places.c).
 * - The client has its answer when the backup has begun, or cannot begin.
 * - A push ends by itself; `stopping` cancels it, and `judging` asks whether it was faster than
 *   that.  A pull runs until somebody stops it: that is its good end.
 * - The good end is recorded before the hypervisor forgets the job, so a restart in between finds
 *   either the one or the other.  Only then is the checkpoint kept, and can be the base of
 *   anything.
 * - A bad end gives up the new checkpoint, and the files that were made for it: those that the
 *   catalog says were, as long as they are still the same.
 */
#include "scheduler/api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "report/json.h"

enum api_state {
    A_STARTING,
    A_LOOKING,
    A_CLEANING,
    A_CHECKING,
    A_COMPARING,
    A_PLACING,
    A_BEGINNING,
    A_MAPPING,
    A_RUNNING,
    A_STOPPING,
    A_JUDGING,
    A_RECORDING,
    A_FORGETTING,
    A_DONE,
    A_ABORTING,
    A_RELEASING,
    A_DROPPING,
    A_CLEARING,
    A_FAILED,
    A_STATES
};

#define TO(s) FSM_BIT(A_##s)
static const struct fsm_state states[] = {
    /* the last four: taken over from a former life */
    [A_STARTING] = {"starting",
                    TO(LOOKING) | TO(MAPPING) | TO(RUNNING) | TO(STOPPING) | TO(ABORTING)},
    [A_LOOKING] = {"looking", TO(CLEANING) | TO(FAILED)},
    [A_CLEANING] = {"cleaning", TO(CLEANING) | TO(LOOKING) | TO(CHECKING) | TO(FAILED)},
    [A_CHECKING] = {"checking", TO(COMPARING) | TO(FAILED)},
    [A_COMPARING] = {"comparing", TO(PLACING) | TO(FAILED)},
    [A_PLACING] = {"placing", TO(BEGINNING) | TO(CLEARING)},
    [A_BEGINNING] = {"beginning", TO(MAPPING) | TO(ABORTING) | TO(CLEARING)},
    [A_MAPPING] = {"mapping", TO(RUNNING)},
    [A_RUNNING] = {"running", TO(STOPPING) | TO(RECORDING) | TO(ABORTING)},
    [A_STOPPING] = {"stopping", TO(JUDGING) | TO(RECORDING) | TO(ABORTING)},
    [A_JUDGING] = {"judging", TO(RECORDING) | TO(ABORTING)},
    [A_RECORDING] = {"recording", TO(FORGETTING)},
    [A_FORGETTING] = {"forgetting", TO(CLEARING)},
    [A_DONE] = {"done", 0},
    [A_ABORTING] = {"aborting", TO(RELEASING)},
    [A_RELEASING] = {"releasing", TO(DROPPING)},
    [A_DROPPING] = {"dropping", TO(CLEARING)},
    [A_CLEARING] = {"clearing", TO(DONE) | TO(FAILED)},
    [A_FAILED] = {"failed", 0},
};

#define POLL_FIRST_S 1.0
#define POLL_S 5.0
#define STALL_S 120
#define DEAF_MAX 4
#define SAVE_PROGRESS_S 30
#define RECORD_AGAIN_S 10

static void api_step(struct run *r);

static bool is_pull(const struct run *r)
{
    return r->row.plan.mode == MODE_PULL;
}

static void reply(struct run *r, const struct err *err)
{
    const struct api_reply to = r->reply;

    r->reply = (struct api_reply){0};
    if (!to.done)
        return;
    if (err)
        to.done(to.ctx, err, NULL);
    else
        to.done(to.ctx, NULL,
                json_pack("{s:I, s:o, s:o}", "job", (json_int_t)r->row.id, "checkpoint",
                          report_json_text(r->row.plan.checkpoint), "unsafe",
                          report_json_text(r->begun.guest_safe ? NULL : r->begun.unsafe)));
}

/* ---- the work of each state ---- */

static struct op *start_looking(struct run *r, struct err *err)
{
    struct hypervisor *hv = r->host->hv;

    domain_facts_free(TAKE_PTR(r->facts));
    return hv->ops->inspect(hv, r->row.domain, &r->facts, run_on_op, r, err);
}

static struct op *start_beginning(struct run *r, struct err *err)
{
    struct hypervisor *hv = r->host->hv;

    return hv->ops->backup_begin(hv, &r->document->request, &r->begun, run_on_op, r, err);
}

static struct op *start_running(struct run *r, struct err *err)
{
    (void)err;
    r->progressed = sched_elapsed(r->s);
    r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, r->resumed ? 0 : POLL_FIRST_S);
    return NULL;
}

static struct op *start_aborting(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->abort_job(hv, r->row.domain, r->tag, run_on_op, r, err) : NULL;
}

static struct op *start_judging(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->job_stats(hv, r->row.domain, r->tag, &r->stats, run_on_op, r, err) : NULL;
}

static struct op *start_forgetting(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->job_forget(hv, r->row.domain, r->tag, run_on_op, r, err) : NULL;
}

static struct op *start_dropping(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    if (!hv || !r->row.plan.checkpoint)
        return NULL;
    return hv->ops->checkpoint_delete(hv, r->row.domain, r->row.plan.checkpoint, run_on_op, r, err);
}

/* What the new checkpoint's disks hold. */
static struct op *start_mapping(struct run *r, struct err *err)
{
    compared_done(&r->compared);
    if (!r->row.plan.checkpoint || api_map_list(r->s, r->row.host, r->row.domain,
                                                r->row.plan.checkpoint, &r->compared, err) < 0)
        return NULL;
    return compared_start(r, err);
}

/* The images of a good push stay. */
static struct op *start_clearing(struct run *r, struct err *err)
{
    return api_places_clear(r, r->row.state != JOB_ENDED, err);
}

static struct op *(*const starters[A_STATES])(struct run *, struct err *) = {
    [A_LOOKING] = start_looking,       [A_CLEANING] = chores_start,
    [A_CHECKING] = api_places_check,   [A_COMPARING] = compared_start,
    [A_PLACING] = api_places_make,     [A_BEGINNING] = start_beginning,
    [A_MAPPING] = start_mapping,       [A_RUNNING] = start_running,
    [A_STOPPING] = start_aborting,     [A_JUDGING] = start_judging,
    [A_FORGETTING] = start_forgetting, [A_ABORTING] = start_aborting,
    [A_RELEASING] = start_forgetting,  [A_DROPPING] = start_dropping,
    [A_CLEARING] = start_clearing,
};

/* Moves on and starts what the state does.  True: suspended. */
static bool enter(struct run *r, enum api_state state)
{
    r->op_err = ERR_INIT;
    fsm_move(&r->fsm, (int)state);
    /* That the journal could not be written: undoing and asking are safe to do again. */
    r->op_err = ERR_INIT;
    r->op = starters[state](r, &r->op_err);
    return r->op || state == A_RUNNING;
}

static bool bad(struct run *r)
{
    if (r->err.code == ERR_NONE && r->op_err.code != ERR_NONE)
        r->err = r->op_err;
    if (r->err.code == ERR_NONE && r->canceled)
        err_set(&r->err, ERR_CANCELED, "aborted on request");
    return r->err.code != ERR_NONE;
}

/* ---- what the end of each state's work means ---- */

static bool after_looking(struct run *r)
{
    if (bad(r))
        return false;
    watch_saw_domain(r->s, r->row.host, r->row.domain, r->facts);
    return facts_can_begin(r->facts, &r->err) == 0 && chores_find(r, &r->err) == 0;
}

/* Nothing of it is somebody else's: the row and the checkpoint's, committed. */
static bool commit(struct run *r)
{
    if (bad(r) || api_compare_judge(r, &r->err) < 0 || api_job_commit(r, &r->err) < 0)
        return false;
    log_info("job=%lld domain=%s %s backup begun by hand, %s, %zu disks%s%s", (long long)r->row.id,
             r->row.domain, level_name(r->row.level), mode_name(r->row.plan.mode),
             r->document->request.n_disks, r->row.plan.checkpoint ? ", checkpoint " : "",
             r->row.plan.checkpoint ? r->row.plan.checkpoint : "");
    return true;
}

/* A failed begin leaves nothing, except when the connection was lost in between. */
static bool may_have_begun(const struct err *err)
{
    return err->code == ERR_REMOTE || err->code == ERR_TIMEOUT || err->code == ERR_CANCELED;
}

static void after_beginning(struct run *r)
{
    struct err err = ERR_INIT;

    r->has_begun = true;
    r->began_ms = sched_elapsed_ms(r->s);
    if (!r->begun.guest_safe && *r->begun.unsafe)
        log_warning("job=%lld domain=%s guest-safe copy not possible: %s", (long long)r->row.id,
                    r->row.domain, r->begun.unsafe);
    if (is_pull(r) && r->document->request.server.transport == TRANSPORT_TCP) {
        r->document->request.server.port = r->begun.port;
        free(r->row.document);
        r->row.document = backup_document_format(&r->document->request);
        if (catalog_job_document(r->s->env.catalog, r->row.id, r->row.document, &err) < 0)
            catalog_trouble(r->s, "record the port of a backup", &err);
    }
    reply(r, NULL);
}

/* ---- running: wait for an event or the alarm, then ask ---- */

static void note_progress(struct run *r)
{
    int64_t now = sched_elapsed(r->s);

    if (r->stats.bytes_done != r->last_done) {
        r->last_done = r->stats.bytes_done;
        r->progressed = now;
    }
    if (now - r->progress_saved >= SAVE_PROGRESS_S) {
        r->progress_saved = now;
        run_save_progress(r);
    }
    queue_notify(r);
}

enum verdict { GOES_ON, GOOD_END, BAD_END };

/* The answer to job_stats. BAD_END: r->err says why. */
static enum verdict judge(struct run *r)
{
    if (r->op_err.code != ERR_NONE) {
        if (++r->deaf < DEAF_MAX)
            return GOES_ON;
        r->err = r->op_err;
        err_wrap(&r->err, "the hypervisor could not be asked %d times in a row", r->deaf);
        return BAD_END;
    }
    r->deaf = 0;
    run_take_stats(r, &r->stats);
    switch (r->stats.state) {
    case HVJOB_RUNNING:
        note_progress(r);
        if (is_pull(r) || sched_elapsed(r->s) - r->progressed < STALL_S)
            return GOES_ON;
        err_set(&r->err, ERR_TIMEOUT, "the copy moved nothing for %d s", STALL_S);
        return BAD_END;
    case HVJOB_COMPLETED:
        return GOOD_END;
    case HVJOB_FAILED:
    case HVJOB_CANCELED:
        r->err = r->stats.err;
        if (r->err.code == ERR_NONE)
            err_set(&r->err, ERR_REMOTE, "the hypervisor says that the backup failed, but not why");
        return BAD_END;
    case HVJOB_NONE:
        err_set(&r->err, ERR_REMOTE,
                r->resumed ? "interrupted: the daemon was stopped, and the hypervisor knows "
                             "nothing of the job"
                           : "the hypervisor has lost the job");
        return BAD_END;
    }
    return BAD_END;
}

static void wait_for(struct run *r, double seconds)
{
    r->s->env.clock->ops->after(r->s->env.clock, &r->alarm, seconds);
}

/* Called when the question has been answered.  True: the job leaves the state. */
static bool running(struct run *r, enum api_state *ret_next)
{
    enum verdict v = judge(r);

    *ret_next = v == GOOD_END ? A_RECORDING : v == BAD_END ? A_ABORTING : A_STOPPING;
    if (v != GOES_ON || r->canceled)
        return true;
    wait_for(r, r->look_again ? 0 : POLL_S);
    return false;
}

/* Why a stopped push is no good; or it was faster, and is. */
static enum api_state after_judging(struct run *r)
{
    if (r->op_err.code == ERR_NONE)
        run_take_stats(r, &r->stats);
    if (r->op_err.code == ERR_NONE && r->stats.state == HVJOB_COMPLETED)
        return A_RECORDING;
    err_set(&r->err, ERR_CANCELED, "aborted on request");
    return A_ABORTING;
}

static enum api_state after_stopping(struct run *r)
{
    if (!is_pull(r))
        return A_JUDGING;
    if (r->op_err.code == ERR_NONE)
        return A_RECORDING;
    r->err = r->op_err;
    err_wrap(&r->err, "it could not be ended");
    return A_ABORTING;
}

static bool ask_now(struct run *r)
{
    r->look_again = false;
    r->op_err = ERR_INIT;
    r->op = start_judging(r, &r->op_err);
    return r->op != NULL;
}

static void on_alarm(void *ctx)
{
    struct run *r = ctx;

    if (r->op)
        return;
    if (r->fsm.state == A_RUNNING && ask_now(r))
        return;
    r->step(r);
}

void api_job_event(struct run *r)
{
    if (r->fsm.state != A_RUNNING)
        return;
    r->look_again = true;
    if (!r->op)
        wait_for(r, 0);
}

void api_job_cancel(struct run *r)
{
    r->canceled = true;
    if (r->fsm.state == A_RUNNING && !r->op)
        wait_for(r, 0);
    else if (r->op && r->fsm.state < A_PLACING)
        op_cancel(r->op);
}

/* ---- ends ---- */

static bool record(struct run *r)
{
    const struct backup_request *q = &r->document->request;
    char reason[ERR_MSG_MAX], size[SIZE_TEXT_MAX];
    struct err err = ERR_INIT;

    if (is_pull(r))
        snprintf(reason, sizeof(reason), "%s of %zu disk%s, ended on request",
                 level_name(r->row.level), q->n_disks, q->n_disks == 1 ? "" : "s");
    else
        snprintf(reason, sizeof(reason), "%s of %zu disk%s, %s%s", level_name(r->row.level),
                 q->n_disks, q->n_disks == 1 ? "" : "s", size_text(r->row.bytes_done, size),
                 r->canceled ? ", complete before it could be aborted" : "");
    run_save_progress(r);
    if (catalog_job_end(r->s->env.catalog, r->row.id, sched_now(r->s), OUTCOME_SUCCESS, ERR_NONE,
                        reason, &err) < 0) {
        catalog_trouble(r->s, "record a finished backup (it will be tried again)", &err);
        wait_for(r, RECORD_AGAIN_S);
        return false;
    }
    r->row.state = JOB_ENDED;
    free(r->row.reason);
    r->row.reason = xstrdup(reason);
    return true;
}

static void warn_left(struct run *r, const char *what)
{
    if (r->op_err.code != ERR_NONE)
        log_warning("job=%lld domain=%s %s is left for the next job to clean up: %s",
                    (long long)r->row.id, r->row.domain, what, r->op_err.msg);
}

/* It ended before it had a row. */
static void refuse(struct run *r)
{
    struct scheduler *s = r->s;

    log_notice("domain=%s backup-begin refused: %s", r->row.domain, r->err.msg);
    reply(r, &r->err);
    queue_remove(r);
    queue_kick(s);
}

static void fail(struct run *r)
{
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    bool unmade = r->checkpoint_unmade;
    bool drop = (unmade || r->checkpoint_gone) && r->row.plan.checkpoint;
    struct scheduler *s = r->s;
    char *host = xstrdup(r->row.host), *domain = xstrdup(r->row.domain);
    char *checkpoint = drop ? xstrdup(r->row.plan.checkpoint) : NULL;
    struct err err = ERR_INIT;

    reply(r, &r->err);
    queue_end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
    if (checkpoint && (unmade ? catalog_checkpoint_unmake : catalog_checkpoint_delete)(
                          s->env.catalog, host, domain, checkpoint, &err) < 0)
        catalog_trouble(s, "forget a checkpoint", &err);
    free(host);
    free(domain);
    free(checkpoint);
}

/* ---- the machine ---- */

static void api_step(struct run *r)
{
    enum api_state next;

    for (;;) {
        switch ((enum api_state)r->fsm.state) {
        case A_STARTING:
            if (enter(r, A_LOOKING))
                return;
            continue;
        case A_LOOKING:
            if (!after_looking(r))
                fsm_move(&r->fsm, A_FAILED);
            else if (enter(r, A_CLEANING))
                return;
            continue;
        case A_CLEANING:
            if (r->chores.next > 0)
                chores_after(r);
            if (r->chores.next < r->chores.n)
                next = A_CLEANING;
            else if (r->chores.n > 0 && !r->cleaned)
                next = A_LOOKING; /* what was cleaned away is no base any more */
            else
                next = A_CHECKING;
            r->cleaned = r->cleaned || next == A_LOOKING;
            if (bad(r) || (next == A_CHECKING && api_documents_complete(r, &r->err) < 0))
                fsm_move(&r->fsm, A_FAILED);
            else if (enter(r, next))
                return;
            continue;
        case A_CHECKING:
            r->checkpoint_unmade = true;
            if (bad(r) || api_compare_list(r, &r->err) < 0)
                fsm_move(&r->fsm, A_FAILED);
            else if (enter(r, A_COMPARING))
                return;
            continue;
        case A_COMPARING:
            if (!commit(r))
                fsm_move(&r->fsm, A_FAILED);
            else if (enter(r, A_PLACING))
                return;
            continue;
        case A_PLACING:
            next = api_places_made(r, &r->err) < 0 || bad(r) ? A_CLEARING : A_BEGINNING;
            r->checkpoint_unmade = next == A_CLEARING;
            if (enter(r, next))
                return;
            continue;
        case A_BEGINNING:
            if (r->op_err.code == ERR_NONE) {
                after_beginning(r);
                if (enter(r, A_MAPPING))
                    return;
                continue;
            }
            r->err = r->op_err;
            r->checkpoint_unmade = !may_have_begun(&r->err);
            if (enter(r, r->checkpoint_unmade ? A_CLEARING : A_ABORTING))
                return;
            continue;
        case A_MAPPING:
            if (r->row.plan.checkpoint)
                api_map_keep(r->s, r->row.host, r->row.domain, r->row.plan.checkpoint, &r->compared,
                             &r->op_err);
            if (enter(r, A_RUNNING))
                return;
            continue;
        case A_RUNNING:
            if (!running(r, &next))
                return;
            if (next == A_RECORDING)
                fsm_move(&r->fsm, A_RECORDING);
            else if (enter(r, next))
                return;
            continue;
        case A_STOPPING:
            next = after_stopping(r);
            if (next == A_RECORDING)
                fsm_move(&r->fsm, A_RECORDING);
            else if (enter(r, next))
                return;
            continue;
        case A_JUDGING:
            next = after_judging(r);
            if (next == A_RECORDING)
                fsm_move(&r->fsm, A_RECORDING);
            else if (enter(r, next))
                return;
            continue;
        case A_RECORDING:
            if (!record(r))
                return;
            if (enter(r, A_FORGETTING))
                return;
            continue;
        case A_FORGETTING:
            warn_left(r, "the ended job at the hypervisor");
            if (enter(r, A_CLEARING))
                return;
            continue;
        case A_ABORTING:
            warn_left(r, "the job at the hypervisor");
            if (enter(r, A_RELEASING))
                return;
            continue;
        case A_RELEASING:
            if (enter(r, A_DROPPING))
                return;
            continue;
        case A_DROPPING:
            r->checkpoint_gone = r->op_err.code == ERR_NONE;
            warn_left(r, "the new checkpoint");
            if (enter(r, A_CLEARING))
                return;
            continue;
        case A_CLEARING:
            if (r->op_err.code != ERR_NONE)
                log_warning("job=%lld domain=%s %s", (long long)r->row.id, r->row.domain,
                            r->op_err.msg);
            fsm_move(&r->fsm, r->row.state == JOB_ENDED ? A_DONE : A_FAILED);
            continue;
        case A_DONE:
            queue_ended(r, OUTCOME_SUCCESS, r->row.reason);
            return; /* *r is gone */
        case A_FAILED:
            if (r->row.id == 0) {
                refuse(r);
                return;
            }
            fail(r);
            return; /* *r is gone */
        case A_STATES:
            abort();
        }
    }
}

void api_job_init(struct run *r)
{
    r->fsm.states = states;
    r->step = api_step;
    r->alarm.fire = on_alarm;
    r->alarm.ctx = r;
}

void api_job_resume(struct run *r)
{
    enum api_state go_on = A_ABORTING;

    r->resumed = true;
    r->has_begun = true;
    api_places_resume(r);
    if (!r->row.document || backup_document_parse(r->row.document, strlen(r->row.document),
                                                  &r->document, &r->err) < 0) {
        if (r->err.code == ERR_NONE)
            err_set(&r->err, ERR_CORRUPT, "its document is not in the catalog");
    } else {
        api_document_adopt(r);
        if (str_eq(r->row.step, "beginning") || str_eq(r->row.step, "mapping"))
            go_on = A_MAPPING;
        else if (str_eq(r->row.step, "running"))
            go_on = A_RUNNING;
        else if (str_eq(r->row.step, "stopping") || str_eq(r->row.step, "judging"))
            go_on = A_STOPPING;
        else if (str_eq(r->row.step, "recording"))
            go_on = is_pull(r) ? A_STOPPING : A_RUNNING; /* both find the good end again */
    }
    if (!r->host || !r->host->hv)
        go_on = A_ABORTING;
    r->canceled = go_on == A_STOPPING;
    if (go_on == A_ABORTING && r->err.code == ERR_NONE)
        err_set(&r->err, ERR_REMOTE, "interrupted: the daemon was stopped while the job was %s",
                r->row.step ? r->row.step : "starting");
    if (!enter(r, go_on))
        api_step(r);
}

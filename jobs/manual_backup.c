/* SPDX-License-Identifier: MIT
 *
 * A backup begun by hand: its state machine.  It starts at once or is refused; it has no policy, no
 * repository and makes no restore point: what it copies and where is its document's business.
 *
 * (placing is followed by naming, and beginning by mapping)
 * starting -> looking -> cleaning -> checking -> placing -> beginning -> running -> recording
 *                ^----------+          |           |           |         |  |         ^ |
 *                                    failed        |           |         |  +-> stopping -> judging
 *                                                  v           v         v              |      |
 *   failed <- clearing <- dropping <- releasing <- aborting <------------+<-------------|------+
 *                                                                                       v
 *                                                            done <- clearing <- forgetting
 *
 * - Its row is written first, queued, and goes again when it is refused, or found so by a restart.
 *   Before `placing` one transaction says that it runs, with document and provisional checkpoint;
 *   until then nothing is touched.  No file bears a place's name before the catalog has it as ours.
 * - What is in the places of the document belongs to somebody else (manual_places.c).
 * - The client has its answer when the backup has begun, or cannot begin.
 * - A push ends by itself; `stopping` cancels it, and `judging` asks whether it was faster than
 *   that.  A pull runs until somebody stops it: that is its good end.
 * - The good end is recorded before the hypervisor forgets the job, so a restart in between finds
 *   either the one or the other.  Only then is the checkpoint kept, and can be the base of
 *   anything.
 * - A bad end gives up the new checkpoint, and the files that were made for it: those that the
 *   catalog says were, as long as they are still the same.
 */
#include "jobs/manual_backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mark.h"
#include "jobs/hv_at_host.h"
#include "jobs/hv_session.h"
#include "jobs/kept_request.h"
#include "jobs/manual_run.h"
#include "base/log.h"
#include "base/text.h"

enum api_state {
    A_STARTING,
    A_LOOKING,
    A_CLEANING,
    A_CHECKING,
    A_COMPARING,
    A_PLACING,
    A_NAMING,
    A_BEGINNING,
    A_MAPPING,
    A_RUNNING,
    A_ASKING,
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
};

#define RECORD_AGAIN_S 10

static bool is_pull(const struct job_run *r)
{
    return r->row.plan.mode == MODE_PULL;
}

static void reply(struct job_run *r, const struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct api_reply to = run->reply;
    const struct api_answer begun = {
        ANSWER_BEGUN,
        .u.begun = {r->row.id, r->row.plan.checkpoint,
                    run->hv.begun.guest_safe ? NULL : run->hv.begun.unsafe},
    };

    run->reply = (struct api_reply){0};
    if (to.done)
        to.done(to.ctx, err, err ? NULL : &begun);
}

/* ---- the work of each state ---- */

static struct op *start_beginning(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    struct hypervisor *hv = r->host->hv;

    if (hv_record_place(r, &run->document->request, err) < 0)
        return NULL;
    return hv->ops->backup_begin(hv, &run->document->request, &run->hv.begun, job_on_op, r, err);
}

/* What the new checkpoint's disks hold. */
static struct op *start_mapping(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);

    compared_done(&run->hv.compared);
    if (!r->row.plan.checkpoint || api_map_list(r->env, r->row.host, r->row.domain,
                                                r->row.plan.checkpoint, &run->hv.compared, err) < 0)
        return NULL;
    return hv_compare_start(r, err);
}

/* The images of a good push stay. */
static struct op *start_clearing(struct job_run *r, struct err *err)
{
    return api_places_clear(r, r->row.state != JOB_ENDED, err);
}

/* ---- what the end of each state's work means: the next state ---- */

static int after_starting(struct job_run *r)
{
    (void)r;
    return A_LOOKING;
}

static int after_looking(struct job_run *r)
{
    return hv_looked(r) < 0 ? A_FAILED : A_CLEANING;
}

static int after_cleaning(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    int next = A_CHECKING;

    if (!hv_cleaned(r))
        next = A_CLEANING;
    else if (run->hv.leftovers.n > 0 && !run->cleaned)
        next = A_LOOKING; /* what was cleaned away is no base any more */
    run->cleaned = run->cleaned || next == A_LOOKING;
    if (job_is_bad(r) || (next == A_CHECKING && api_documents_complete(r, &r->err) < 0))
        return A_FAILED;
    return next;
}

static int after_checking(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    run->checkpoint_unmade = true;
    return job_is_bad(r) || api_compare_list(r, &r->err) < 0 ? A_FAILED : A_COMPARING;
}

/* Nothing of it is somebody else's: the row and the checkpoint's, committed. */
static int after_comparing(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    if (job_is_bad(r) || api_compare_judge(r, &r->err) < 0 || api_job_commit(r, &r->err) < 0)
        return A_FAILED;
    log_info("job=%lld domain=%s/%s %s backup begun by hand, %s, %zu disk%s%s%s",
             (long long)r->row.id, r->row.host, r->row.domain, level_name(r->row.level),
             mode_name(r->row.plan.mode), run->document->request.n_disks,
             plural_s(run->document->request.n_disks),
             r->row.plan.checkpoint ? ", checkpoint " : "",
             r->row.plan.checkpoint ? r->row.plan.checkpoint : "");
    return A_PLACING;
}

static int after_placing(struct job_run *r)
{
    return api_places_made(r, &r->err) < 0 || job_is_bad(r) ? A_CLEARING : A_NAMING;
}

static int after_naming(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    int next = job_unless_bad(r, A_BEGINNING, A_CLEARING);

    run->checkpoint_unmade = next == A_CLEARING;
    return next;
}

/* A failed begin leaves nothing, except when the connection was lost in between. */
static bool may_have_begun(const struct err *err)
{
    return err->code == ERR_REMOTE || err->code == ERR_TIMEOUT || err->code == ERR_CANCELED;
}

static void begun(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    struct err err = ERR_INIT;

    r->has_begun = true;
    r->began_ms = env_elapsed_ms(r->env);
    hv_log_unsafe(r);
    if (is_pull(r) && run->document->request.server.transport == TRANSPORT_TCP) {
        run->document->request.server.port = run->hv.begun.port;
        free(r->row.document);
        r->row.document = kept_request_text(&run->document->request);
        if (catalog_job_document(r->env->catalog, r->row.id, r->row.document, &err) < 0)
            catalog_trouble(r->env, "record the port of a backup", &err);
    }
    reply(r, NULL);
}

static int after_beginning(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    if (r->op_err.code == ERR_NONE) {
        begun(r);
        return A_MAPPING;
    }
    r->err = r->op_err;
    run->checkpoint_unmade = !may_have_begun(&r->err);
    if (!run->checkpoint_unmade)
        MARK("a backup by hand may have begun, or not");
    return run->checkpoint_unmade ? A_CLEARING : A_ABORTING;
}

static int after_mapping(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    if (r->row.plan.checkpoint)
        api_map_keep(r->env, r->row.host, r->row.domain, r->row.plan.checkpoint, &run->hv.compared,
                     &r->op_err);
    return A_RUNNING;
}

/* ---- running ---- */

static int after_running(struct job_run *r)
{
    (void)r;
    return A_ASKING;
}

static int after_asking(struct job_run *r)
{
    enum hv_verdict v = hv_asked(r);

    if (v != HV_GOES_ON)
        return v == HV_GOOD_END ? A_RECORDING : A_ABORTING;
    return r->canceled ? A_STOPPING : A_RUNNING;
}

/* Why a stopped push is no good; or it was faster, and is. */
static int after_judging(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    if (r->op_err.code == ERR_NONE)
        hv_take_stats(r, &run->hv.stats);
    if (r->op_err.code == ERR_NONE && run->hv.stats.state == HVJOB_COMPLETED)
        return A_RECORDING;
    job_say_canceled(r, &r->err);
    return A_ABORTING;
}

static int after_stopping(struct job_run *r)
{
    if (!is_pull(r))
        return A_JUDGING;
    if (r->op_err.code == ERR_NONE)
        return A_RECORDING;
    r->err = r->op_err;
    MARK("a pull by hand cannot be ended");
    err_wrap(&r->err, "it could not be ended");
    return A_ABORTING;
}

/* ---- ends ---- */

static int after_recording(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;
    char reason[ERR_MSG_MAX], size[SIZE_TEXT_MAX];
    struct err err = ERR_INIT;

    if (is_pull(r))
        snprintf(reason, sizeof(reason), "%s of %zu disk%s, ended on request",
                 level_name(r->row.level), q->n_disks, q->n_disks == 1 ? "" : "s");
    else
        snprintf(reason, sizeof(reason), "%s of %zu disk%s, %s%s", level_name(r->row.level),
                 q->n_disks, q->n_disks == 1 ? "" : "s", size_text(r->row.bytes_done, size),
                 r->canceled ? ", complete before it could be aborted" : "");
    job_save_progress(r);
    if (catalog_job_end(r->env->catalog, r->row.id, env_now(r->env), OUTCOME_SUCCESS, ERR_NONE,
                        reason, &err) < 0) {
        catalog_trouble(r->env, "record a finished backup (it will be tried again)", &err);
        job_meets(r, &(struct obstacle){.code = OBSTACLE_CATALOG, .problem = err.msg});
        job_wait(r, RECORD_AGAIN_S);
        return JOB_STAYS;
    }
    r->row.state = JOB_ENDED;
    free(r->row.reason);
    r->row.reason = xstrdup(reason);
    return A_FORGETTING;
}

static int after_forgetting(struct job_run *r)
{
    hv_warn_left(r, "the ended job at the hypervisor");
    return A_CLEARING;
}

static int after_aborting(struct job_run *r)
{
    hv_warn_left(r, "the job at the hypervisor");
    return A_RELEASING;
}

static int after_releasing(struct job_run *r)
{
    (void)r;
    return A_DROPPING;
}

static int after_dropping(struct job_run *r)
{
    hv_dropped(r);
    return A_CLEARING;
}

static int after_clearing(struct job_run *r)
{
    if (r->op_err.code != ERR_NONE)
        log_warning("job=%lld domain=%s/%s %s", (long long)r->row.id, r->row.host, r->row.domain,
                    r->op_err.msg);
    return r->row.state == JOB_ENDED ? A_DONE : A_FAILED;
}

static int after_done(struct job_run *r)
{
    r->env->ops->ended(r, OUTCOME_SUCCESS, r->row.reason);
    return JOB_STAYS;
}

/* It has done nothing. */
static void refuse(struct job_run *r)
{
    log_notice("job=%lld domain=%s/%s backup-begin refused: %s", (long long)r->row.id, r->row.host,
               r->row.domain, r->err.msg);
    reply(r, &r->err);
    r->env->ops->refused(r);
}

static int after_failed(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    bool unmade = run->checkpoint_unmade;
    bool drop = (unmade || run->hv.checkpoint_gone) && r->row.plan.checkpoint;
    struct job_env *e = r->env;
    CLEANUP_FREE char *host = xstrdup(r->row.host), *domain = xstrdup(r->row.domain);
    CLEANUP_FREE char *checkpoint = drop ? xstrdup(r->row.plan.checkpoint) : NULL;
    struct err err = ERR_INIT;

    if (job_is_being_begun(r)) {
        refuse(r);
        return JOB_STAYS;
    }
    reply(r, &r->err);
    r->env->ops->end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
    if (checkpoint && (unmade ? catalog_checkpoint_unmake : catalog_checkpoint_delete)(
                          e->catalog, host, domain, checkpoint, &err) < 0)
        catalog_trouble(e, "forget a checkpoint", &err);
    return JOB_STAYS;
}

/* ---- the machine ---- */

#define TO(s) JOB_BIT(A_##s)

static const struct job_step steps[] = {
    [A_STARTING] = {"starting",
                    TO(LOOKING) | TO(MAPPING) | TO(RUNNING) | TO(STOPPING) | TO(ABORTING), NULL,
                    after_starting, 0, 0},
    [A_LOOKING] = {"looking", TO(CLEANING) | TO(FAILED), hv_look_start, after_looking,
                   JOB_CANCELABLE, 0},
    [A_CLEANING] = {"cleaning", TO(CLEANING) | TO(LOOKING) | TO(CHECKING) | TO(FAILED),
                    hv_clean_start, after_cleaning, JOB_CANCELABLE, 0},
    [A_CHECKING] = {"checking", TO(COMPARING) | TO(FAILED), api_places_check, after_checking,
                    JOB_CANCELABLE, 0},
    [A_COMPARING] = {"comparing", TO(PLACING) | TO(FAILED), hv_compare_start, after_comparing,
                     JOB_CANCELABLE, 0},
    [A_PLACING] = {"placing", TO(NAMING) | TO(CLEARING), api_places_make, after_placing, 0, 0},
    [A_NAMING] = {"naming", TO(BEGINNING) | TO(CLEARING), api_places_name, after_naming, 0, 0},
    /* It may have begun, or not: job_stats tells. */
    [A_BEGINNING] = {"beginning", TO(MAPPING) | TO(ABORTING) | TO(CLEARING), start_beginning,
                     after_beginning, JOB_JOURNALED, A_MAPPING},
    [A_MAPPING] = {"mapping", TO(RUNNING), start_mapping, after_mapping, 0, A_MAPPING},
    [A_RUNNING] = {"running", TO(ASKING), hv_watch_start, after_running,
                   JOB_WAITS | JOB_LOOKS | JOB_COPIES, A_RUNNING},
    [A_ASKING] = {"running", TO(RUNNING) | TO(STOPPING) | TO(RECORDING) | TO(ABORTING),
                  hv_ask_start, after_asking, JOB_COPIES, 0},
    [A_STOPPING] = {"stopping", TO(JUDGING) | TO(RECORDING) | TO(ABORTING), hv_abort_start,
                    after_stopping, 0, A_STOPPING},
    [A_JUDGING] = {"judging", TO(RECORDING) | TO(ABORTING), hv_ask_start, after_judging, 0,
                   A_STOPPING},
    /* Both kinds find the good end again. */
    [A_RECORDING] = {"recording", TO(FORGETTING), NULL, after_recording, JOB_WAITS | JOB_DECIDED,
                     A_RUNNING},
    [A_FORGETTING] = {"forgetting", TO(CLEARING), hv_forget_start, after_forgetting, JOB_DECIDED,
                      0},
    [A_DONE] = {"done", 0, NULL, after_done, JOB_FINAL | JOB_DECIDED, 0},
    [A_ABORTING] = {"aborting", TO(RELEASING), hv_abort_start, after_aborting, JOB_DECIDED, 0},
    [A_RELEASING] = {"releasing", TO(DROPPING), hv_forget_start, after_releasing, JOB_DECIDED, 0},
    [A_DROPPING] = {"dropping", TO(CLEARING), hv_drop_start, after_dropping, JOB_DECIDED, 0},
    [A_CLEARING] = {"clearing", TO(DONE) | TO(FAILED), start_clearing, after_clearing, JOB_DECIDED,
                    0},
    [A_FAILED] = {"failed", 0, NULL, after_failed, JOB_FINAL | JOB_DECIDED, 0},
    [A_FAILED + 1] = {0},
};

static const char *const doing[] = {
    [A_STARTING] = "beginning",
    [A_LOOKING] = "looking at the domain",
    [A_CLEANING] = "cleaning up what former jobs left at the hypervisor",
    [A_CHECKING] = "looking at its places",
    [A_COMPARING] = "holding the disks against the checkpoint",
    [A_PLACING] = "making its files",
    [A_NAMING] = "making its files",
    [A_BEGINNING] = "beginning the copy",
    [A_MAPPING] = "noting what the checkpoint's disks hold",
    [A_RUNNING] = "copying",
    [A_ASKING] = "copying",
    [A_STOPPING] = "ending the copy",
    [A_JUDGING] = "ending the copy",
    [A_RECORDING] = "writing its end into the catalog",
    [A_FORGETTING] = "tidying up at the hypervisor",
    [A_DONE] = "ending",
    [A_ABORTING] = "undoing: ending the copy",
    [A_RELEASING] = "undoing: tidying up at the hypervisor",
    [A_DROPPING] = "undoing: deleting the new checkpoint",
    [A_CLEARING] = "removing what is needed no more",
    [A_FAILED] = "ending",
};

static int resume(struct job_run *r, int go_on)
{
    struct manual_backup_run *run = manual_of(r);

    r->has_begun = true;
    api_places_resume(r);
    if (kept_request_read(&r->row, &run->document, &r->err) < 0)
        return A_ABORTING;
    api_document_adopt(r);
    if (is_pull(r) && str_eq(r->row.step, steps[A_RECORDING].name))
        go_on = A_STOPPING;
    if (!r->host || !r->host->hv)
        go_on = A_ABORTING;
    r->canceled = go_on == A_STOPPING;
    if (r->canceled)
        MARK("a backup by hand is stopped after a restart");
    return go_on;
}

/* It may go on for as long as somebody reads from it: the limits are for the others. */
static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->guest = true;
    ret->limited = false;
}

static void done(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    hv_done(r);
    backup_document_free(run->document);
    checkpoint_document_free(run->checkpoint_document);
    free(run->scratch);
    free(run->own_scratch);
    made_list_done(&run->made);
    made_list_done(&run->placed);
}

const struct job_type manual_backup_type = {
    .kind = JOB_BACKUP_BEGIN,
    .size = sizeof(struct manual_backup_run),
    .steps = steps,
    .doing = doing,
    .gives_up = A_ABORTING,
    .done = done,
    .resume = resume,
    .owned = manual_places_owned,
    .claims = claims,
    .event = hv_look_again,
    .by_hand = true,
    .backup = true,
};

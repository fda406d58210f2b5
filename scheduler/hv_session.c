/* SPDX-License-Identifier: MIT */
#include "scheduler/hv_session.h"

#include "base/log.h"
#include "scheduler/api_priv.h"

#define POLL_FIRST_S 1.0
#define POLL_S 5.0
#define STALL_S 120      /* a push that moves nothing for so long is given up */
#define UNANSWERED_MAX 4 /* questions in a row */
#define SAVE_PROGRESS_S 30

/* ---- looking ---- */

struct op *hv_look_start(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    domain_facts_free(TAKE_PTR(r->facts));
    return hv ? hv->ops->inspect(hv, r->row.domain, &r->facts, job_on_op, r, err) : NULL;
}

int hv_looked(struct run *r)
{
    if (job_is_bad(r))
        return -1;
    watch_saw_domain(r->s, r->row.host, r->row.domain, r->facts);
    return facts_can_begin(r->facts, &r->err) == 0 ? chores_find(r, &r->err) : -1;
}

/* ---- watching ---- */

struct op *hv_watch_start(struct run *r, struct err *err)
{
    (void)err;
    if (!r->watched) {
        r->watched = true;
        r->progressed = sched_elapsed(r->s);
        job_wait(r, r->resumed ? 0 : POLL_FIRST_S);
    } else {
        job_wait(r, r->look_again || r->canceled ? 0 : POLL_S);
    }
    return NULL;
}

struct op *hv_ask_start(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    r->look_again = false;
    return hv ? hv->ops->job_stats(hv, r->row.domain, r->tag, &r->stats, job_on_op, r, err) : NULL;
}

void hv_note_progress(struct run *r)
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

static enum hv_verdict stalled(struct run *r)
{
    hv_note_progress(r);
    /* A pull is as fast as its reader. */
    if (r->row.plan.mode == MODE_PULL || sched_elapsed(r->s) - r->progressed < STALL_S)
        return HV_GOES_ON;
    err_set(&r->err, ERR_TIMEOUT, "the copy moved nothing for %d s", STALL_S);
    return HV_BAD_END;
}

static enum hv_verdict unanswered(struct run *r)
{
    if (++r->unanswered < UNANSWERED_MAX)
        return HV_GOES_ON;
    r->err = r->op_err;
    err_wrap(&r->err, "the hypervisor could not be asked %d times in a row", r->unanswered);
    return HV_BAD_END;
}

enum hv_verdict hv_asked(struct run *r)
{
    if (r->op_err.code != ERR_NONE)
        return unanswered(r);
    r->unanswered = 0;
    run_take_stats(r, &r->stats);
    switch (r->stats.state) {
    case HVJOB_RUNNING:
        return stalled(r);
    case HVJOB_COMPLETED:
        return HV_GOOD_END;
    case HVJOB_FAILED:
    case HVJOB_CANCELED:
        r->err = r->stats.err;
        if (r->err.code == ERR_NONE)
            err_set(&r->err, ERR_REMOTE, "the hypervisor says that the backup failed, but not why");
        return HV_BAD_END;
    case HVJOB_NONE:
        err_set(&r->err, ERR_REMOTE,
                r->resumed ? "interrupted: the daemon was stopped, and the hypervisor knows "
                             "nothing of the job"
                           : "the hypervisor has lost the job");
        return HV_BAD_END;
    }
    return HV_BAD_END;
}

/* ---- letting go ---- */

struct op *hv_abort_start(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->abort_job(hv, r->row.domain, r->tag, job_on_op, r, err) : NULL;
}

struct op *hv_forget_start(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    return hv ? hv->ops->job_forget(hv, r->row.domain, r->tag, job_on_op, r, err) : NULL;
}

struct op *hv_drop_start(struct run *r, struct err *err)
{
    struct hypervisor *hv = run_hypervisor(r, err);

    if (!hv || !r->row.plan.checkpoint)
        return NULL;
    return hv->ops->checkpoint_delete(hv, r->row.domain, r->row.plan.checkpoint, job_on_op, r, err);
}

void hv_dropped(struct run *r)
{
    r->checkpoint_gone = r->op_err.code == ERR_NONE;
    hv_warn_left(r, "the new checkpoint");
}

void hv_warn_left(struct run *r, const char *what)
{
    if (r->op_err.code != ERR_NONE)
        log_warning("job=%lld domain=%s %s is left for the next job to clean up: %s",
                    (long long)r->row.id, r->row.domain, what, r->op_err.msg);
}

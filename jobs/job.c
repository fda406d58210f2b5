/* SPDX-License-Identifier: MIT
 *
 * How a job goes from state to state, whatever its kind.
 */
#include "jobs/job.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"

const struct job_step *job_step_of(const struct job_run *r)
{
    return &r->type->steps[r->state];
}

/* The journal: a successor finds the job by the state's name.  States of one name are one to it. */
static void announce(struct job_run *r, struct err *err)
{
    const char *name = job_step_of(r)->name;

    if (str_eq(r->row.step, name))
        return;
    log_debug("job=%lld domain=%s/%s %s -> %s", (long long)r->row.id, r->row.host, r->row.domain,
              r->row.step ? r->row.step : "", name);
    free(r->row.step);
    r->row.step = xstrdup(name);
    if (r->row.state == JOB_RUNNING)
        catalog_job_step(r->env->catalog, r->row.id, name, err);
    r->env->ops->changed(r);
}

static void move(struct job_run *r, int to, struct err *err)
{
    assert(to > 0 && to < JOB_STEPS_MAX);
    fsm_check(job_step_of(r)->name, job_step_of(r)->next, to, r->type->steps[to].name);
    assert(!r->op && !r->alarm.armed);
    r->state = to;
    if (!str_eq(r->row.step, job_step_of(r)->name))
        job_meets_nothing(r);
    announce(r, err);
}

/* True: the job waits. */
static bool enter(struct job_run *r, int to)
{
    const struct job_step *s = &r->type->steps[to];
    struct err journal = ERR_INIT;

    move(r, to, &journal);
    r->op_err = s->flags & JOB_JOURNALED ? journal : ERR_INIT;
    if (r->op_err.code == ERR_NONE && s->start)
        r->op = s->start(r, &r->op_err);
    assert(!r->op || (r->op_err.code == ERR_NONE && !r->alarm.armed));
    return r->op || r->alarm.armed;
}

void job_proceed(struct job_run *r)
{
    for (;;) {
        const struct job_step *s = job_step_of(r);
        int next;

        assert(r->admitted && !r->op);
        if (s->flags & JOB_FINAL) {
            s->after(r); /* *r is gone */
            return;
        }
        next = s->after(r);
        if (next == JOB_STAYS) {
            assert((s->flags & JOB_WAITS) && r->alarm.armed);
            return;
        }
        if (next == JOB_RESTS) {
            assert(job_rests(r));
            return;
        }
        if (enter(r, next))
            return;
    }
}

void job_on_op(void *ctx, const struct err *err)
{
    struct job_run *r = ctx;

    if (r->env->dead)
        return;
    assert(r->op);
    r->op = NULL;
    r->op_err = err ? *err : ERR_INIT;
    job_proceed(r);
}

void job_on_alarm(void *ctx)
{
    struct job_run *r = ctx;

    assert(!r->op && (job_step_of(r)->flags & JOB_WAITS));
    r->op_err = ERR_INIT;
    job_proceed(r);
}

void job_wait(struct job_run *r, double seconds)
{
    assert(!r->op);
    r->env->clock->ops->after(r->env->clock, &r->alarm, seconds);
}

void job_wake(struct job_run *r)
{
    if (!r->op && (job_step_of(r)->flags & JOB_WAITS))
        job_wait(r, 0);
}

bool job_look_now(struct job_run *r)
{
    /* A hypervisor that does not answer is asked at its own pace: the questions are counted. */
    if (r->op || !r->alarm.armed || !(job_step_of(r)->flags & JOB_LOOKS) ||
        r->obstacle.code != OBSTACLE_NONE)
        return false;
    job_wait(r, 0);
    return true;
}

static void stop(struct job_run *r)
{
    const struct job_step *s = job_step_of(r);

    r->canceled = true;
    if (s->flags & JOB_DECIDED)
        return;
    if (r->op && (s->flags & JOB_CANCELABLE))
        op_cancel(r->op);
    else
        job_wake(r);
}

void job_cancel(struct job_run *r)
{
    if (r->ending)
        return;
    if (!r->admitted) {
        MARK("a job is cancelled before it started");
        job_say_canceled(r, &r->err);
        r->env->ops->end(r, OUTCOME_ABORTED, "cancelled on request, before it started");
    } else {
        stop(r);
    }
}

int job_say_canceled(const struct job_run *r, struct err *err)
{
    return err_set(err, ERR_CANCELED, "%s on request", r->type->by_hand ? "aborted" : "cancelled");
}

bool job_is_bad(struct job_run *r)
{
    if (r->err.code == ERR_NONE && r->op_err.code != ERR_NONE)
        r->err = r->op_err;
    if (r->canceled && (r->err.code == ERR_NONE || r->err.code == ERR_CANCELED))
        job_say_canceled(r, &r->err); /* whatever was ended by it, and how that says so */
    return r->err.code != ERR_NONE;
}

int job_unless_bad(struct job_run *r, int next, int instead)
{
    return job_is_bad(r) ? instead : next;
}

/* Where the successor of a daemon goes on. */
static int resumed_state(const struct job_run *r)
{
    const struct job_type *t = r->type;

    for (int i = 1; i < JOB_STEPS_MAX && t->steps[i].name; i++)
        if (t->steps[i].resume && str_eq(r->row.step, t->steps[i].name))
            return t->steps[i].resume;
    return t->gives_up;
}

void job_resume(struct job_run *r)
{
    int go_on = resumed_state(r);

    r->resumed = true;
    if (r->type->resume)
        go_on = r->type->resume(r, go_on);
    if (go_on == r->type->gives_up && r->err.code == ERR_NONE)
        err_set(&r->err, ERR_REMOTE, "interrupted: the daemon was stopped while the job was %s",
                r->row.step ? r->row.step : "starting");
    if (!go_on)
        r->env->ops->end(r, OUTCOME_FAILED, r->err.msg);
    else if (!enter(r, go_on))
        job_proceed(r);
}

/* SPDX-License-Identifier: MIT
 *
 * Jobs that wait and jobs that run: in one list, the oldest first.
 */
#include "scheduler/queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/job_types.h"
#include "scheduler/copies.h"
#include "scheduler/core.h"
#include "storage/catalog/catalog_failure.h"

#define END_AGAIN_S 10.0

bool queue_is_limited(const struct job_run *r)
{
    struct job_claims c;

    job_claims(r, &c);
    return c.limited;
}

static void leave(struct job_run *r)
{
    if (!r->admitted)
        return;
    r->admitted = false;
    if (r->host) {
        r->host->jobs -= queue_is_limited(r);
        host_release(r->host);
    }
    for (size_t i = 0; i < r->repos.n; i++) {
        r->repos.items[i]->jobs--;
        repo_release(r->repos.items[i]);
    }
}

static int add(struct scheduler *s, struct job *row, struct job_run **ret, struct err *err)
{
    const struct job_type *type = job_type_of(row->kind);

    if (!type)
        return err_set(err, ERR_INVALID, "there are no jobs of the kind '%s'", row->kind);
    row->guest = type->backup;
    row->state = JOB_QUEUED;
    row->created = env_now(&s->jobs);
    row->uptime = sched_uptime(s);
    row->boot = s->env.clock->ops->boot(s->env.clock);
    if (catalog_job_add(s->env.catalog, row, err) < 0)
        return -1;
    *ret = job_new(&s->jobs, type, row);
    return 0;
}

int queue_add(struct scheduler *s, struct job *row, struct job_run **ret, struct err *err)
{
    if (add(s, row, ret, err) < 0)
        return -1;
    queue_append(s, *ret);
    return 0;
}

int queue_begin(struct scheduler *s, struct job *row, struct host *host, struct job_run **ret,
                struct err *err)
{
    if (add(s, row, ret, err) < 0)
        return -1;
    *VEC_ADD(&s->jobs.runs) = *ret;
    queue_take_place(*ret, host);
    return 0;
}

void queue_append(struct scheduler *s, struct job_run *r)
{
    *VEC_ADD(&s->jobs.runs) = r;
    log_info("job=%lld domain=%s/%s policy=%s %s queued: %s", (long long)r->row.id, r->row.host,
             r->row.domain, r->row.policy, r->row.kind, r->row.why ? r->row.why : "");
    queue_notify(r);
    sched_kick(s);
}

void queue_notify(struct job_run *r)
{
    bool over = r->row.state == JOB_ENDED && r->row.outcome != OUTCOME_NONE;
    const struct job_event event = {
        &r->row, r->rest,
        over && r->type->backup &&
            (r->has_begun || (!r->type->by_hand && r->row.outcome == OUTCOME_FAILED))};

    observers_tell(&scheduler_of(r->env)->listeners, &event);
}

void queue_take_place(struct job_run *r, struct host *h)
{
    struct job_claims c;

    job_claims(r, &c);
    r->admitted = true;
    r->host = h;
    if (h) {
        host_hold(h);
        h->jobs += c.limited;
    }
    for (size_t i = 0; i < c.n_repositories; i++) {
        struct repo *repo = repo_find(r->env, c.repositories[i]);

        if (!repo)
            continue;
        repo_hold(repo);
        repo->jobs++;
        *VEC_ADD(&r->repos) = repo;
        if (str_eq(repo->name, r->row.repository))
            r->repo = repo;
    }
}

static void rested(void *ctx)
{
    struct job_run *r = ctx;

    r->alarm.fire = job_on_alarm;
    sched_kick(scheduler_of(r->env));
}

void queue_rest(struct job_run *r, double seconds)
{
    struct scheduler *s = scheduler_of(r->env);

    assert(r->admitted && !r->op && r->row.state == JOB_QUEUED);
    leave(r);
    r->host = NULL;
    r->repo = NULL;
    r->repos.n = 0;
    r->state = 0;
    r->alarm.fire = rested;
    s->env.clock->ops->after(s->env.clock, &r->alarm, seconds);
    sched_kick(s);
}

static void say_end(const struct job_run *r)
{
    const struct job *j = &r->row;

    if (j->outcome == OUTCOME_FAILED)
        log_error("job=%lld domain=%s/%s policy=%s %s failed: %s", (long long)j->id, j->host,
                  j->domain, j->policy, j->kind, j->reason);
    else
        log_notice("job=%lld domain=%s/%s policy=%s %s %s: %s", (long long)j->id, j->host,
                   j->domain, j->policy, j->kind, job_outcome_name(j->outcome), j->reason);
}

static void out(struct job_run *r)
{
    struct scheduler *s = scheduler_of(r->env);
    size_t i = 0;

    while (s->jobs.runs.items[i] != r)
        i++;
    memmove(&s->jobs.runs.items[i], &s->jobs.runs.items[i + 1],
            (--s->jobs.runs.n - i) * sizeof(struct job_run *));
    leave(r);
    job_free(r);
}

void queue_ended(struct job_run *r, enum job_outcome outcome, const char *reason)
{
    struct scheduler *s = scheduler_of(r->env);

    r->row.state = JOB_ENDED;
    r->row.outcome = outcome;
    r->row.error = r->err.code;
    r->row.ended = env_now(&s->jobs);
    if (reason != r->row.reason) {
        free(r->row.reason);
        r->row.reason = xstrdup(reason);
    }
    say_end(r);
    queue_notify(r);
    s->told.ended(r);
    out(r);
    copies_consider(s);
    sched_kick(s);
}

/* What is lost of it now is told by the jobs alone. */
static void note_failure(struct job_run *r)
{
    struct scheduler *s = scheduler_of(r->env);
    struct err err = ERR_INIT;

    if (r->type->failure_stays &&
        catalog_failure_note(s->env.catalog, &r->row, env_now(&s->jobs), &err) < 0)
        catalog_trouble(r->env, "record that a job failed", &err);
}

static void end_again(void *ctx)
{
    struct job_run *r = ctx;

    MARK("the end of a job is written again");
    queue_end(r, r->row.outcome, r->row.reason);
}

void queue_end(struct job_run *r, enum job_outcome outcome, const char *reason)
{
    struct scheduler *s = scheduler_of(r->env);
    struct err err = ERR_INIT;

    if (reason != r->row.reason) {
        free(r->row.reason);
        r->row.reason = xstrdup(reason);
    }
    r->row.outcome = outcome;
    if (r->has_begun && r->row.state == JOB_RUNNING && !r->ending)
        job_save_progress(r);
    if (catalog_job_end(s->env.catalog, r->row.id, env_now(&s->jobs), outcome, r->err.code, reason,
                        &err) == 0) {
        note_failure(r);
        queue_ended(r, outcome, r->row.reason);
        return;
    }
    catalog_trouble(r->env, "record the end of a job (it will be tried again)", &err);
    job_meets(r, &(struct obstacle){.code = OBSTACLE_CATALOG, .problem = err.msg});
    r->ending = true;
    r->alarm.fire = end_again;
    r->alarm.ctx = r;
    s->env.clock->ops->after(s->env.clock, &r->alarm, END_AGAIN_S);
}

static void refuse_again(void *ctx)
{
    MARK("the row of a job that was refused goes late");
    queue_refuse(ctx);
}

void queue_refuse(struct job_run *r)
{
    struct scheduler *s = scheduler_of(r->env);
    struct err err = ERR_INIT;

    if (catalog_job_remove(s->env.catalog, r->row.id, &err) == 0) {
        out(r);
        sched_kick(s);
        return;
    }
    catalog_trouble(&s->jobs, "forget a job that was refused (it will be tried again)", &err);
    r->ending = true;
    r->alarm = (struct alarm){.fire = refuse_again, .ctx = r};
    s->env.clock->ops->after(s->env.clock, &r->alarm, END_AGAIN_S);
}

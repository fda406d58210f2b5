/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What is waited for may outlive the task, when the driver is let go meanwhile; so it has a place
 * of its own for the answer. */
struct libvirt_wait {
    struct libvirt_task *task; /* NULL: gone */
    struct op *op;
    const struct record *record; /* NULL: no answer of that kind */
    void *value, *ret;
    struct proc_result program; /* or of these */
    char **program_ret;
    struct domain_facts *facts, **facts_ret;
};

static void go_on(struct libvirt_task *t, const struct err *err)
{
    t->err = err ? *err : ERR_INIT;
    t->step(t);
}

static void wait_free(struct libvirt_wait *w)
{
    free(w->value);
    free(w->program.out);
    domain_facts_free(w->facts);
    free(w);
}

static void hand_over(struct libvirt_wait *w)
{
    if (w->record)
        memcpy(w->ret, w->value, w->record->size);
    if (w->program_ret) {
        free(*w->program_ret);
        *w->program_ret = TAKE_PTR(w->program.out);
    }
    if (w->facts_ret) {
        domain_facts_free(*w->facts_ret);
        *w->facts_ret = TAKE_PTR(w->facts);
    }
}

static void on_waited(void *ctx, const struct err *err)
{
    struct libvirt_wait *w = ctx;
    struct libvirt_task *t = w->task;

    if (!err && t)
        hand_over(w);
    else if (!err && w->record)
        record_done(w->record, w->value);
    wait_free(w);
    if (!t)
        return;
    t->wait = NULL;
    go_on(t, err);
}

static struct libvirt_wait *new_wait(struct libvirt_task *t, const struct record *record, void *ret,
                                     libvirt_step next)
{
    struct libvirt_wait *w = xcalloc(1, sizeof(*w));

    w->task = t;
    w->record = record;
    w->ret = ret;
    if (record)
        w->value = xcalloc(1, record->size);
    t->wait = w;
    t->step = next;
    return w;
}

/* ---- the timer: a sleep is over, or what could not be asked is told on the next turn ---- */

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct libvirt_task *t = w->data;

    (void)loop;
    (void)revents;
    t->step(t);
}

static void step_after(struct libvirt_task *t, double seconds, const struct err *err)
{
    t->err = err ? *err : ERR_INIT;
    ev_timer_stop(t->host->loop, &t->timer);
    ev_timer_set(&t->timer, seconds, 0.0);
    ev_timer_start(t->host->loop, &t->timer);
}

static void task_cancel(struct op *op)
{
    struct libvirt_task *t = (struct libvirt_task *)op;
    struct err err = ERR_INIT;

    if (t->canceled)
        return;
    t->canceled = true;
    if (t->steady)
        return;
    err_set(&err, ERR_CANCELED, "canceled");
    if (t->wait)
        op_cancel(t->wait->op);
    else
        step_after(t, 0.0, &err);
}

static void started(struct libvirt_task *t, struct op *op, const struct err *err)
{
    t->wait->op = op;
    if (op)
        return;
    wait_free(TAKE_PTR(t->wait));
    step_after(t, 0.0, err);
}

/* ---- */

struct op *libvirt_task_start(struct libvirt_host *h, struct libvirt_task *t,
                              const struct libvirt_domain *domain, libvirt_step first,
                              void (*release)(struct libvirt_task *t), op_done done, void *ctx)
{
    t->op.cancel = task_cancel;
    t->host = h;
    if (domain) {
        t->domain = xstrdup(domain->name);
        t->uuid = xstrdup(domain->uuid);
    }
    t->step = first;
    t->release = release;
    t->done = done;
    t->ctx = ctx;
    t->next = h->tasks;
    h->tasks = t;
    ev_timer_init(&t->timer, on_timer, 0.0, 0.0);
    t->timer.data = t;
    step_after(t, 0.0, NULL);
    return &t->op;
}

void libvirt_task_ask(struct libvirt_task *t, const struct peer_ask *ask, libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, ask->answer, ask->ret, next);
    struct peer_ask ours = *ask;
    struct err err = ERR_INIT;

    ours.ret = w->value;
    started(t, peer_ask(t->host->peer, &ours, on_waited, w, &err), &err);
}

void libvirt_task_request(struct libvirt_task *t, const char *what, const struct record *request,
                          struct libvirt_request q, const struct record *answer, void *ret,
                          double timeout_s, libvirt_step next)
{
    q.domain = t->domain;
    q.uuid = t->uuid;
    libvirt_task_ask(t,
                     &(struct peer_ask){.what = what,
                                        .request = request,
                                        .value = &q,
                                        .answer = answer,
                                        .ret = ret,
                                        .timeout_s = timeout_s},
                     next);
}

void libvirt_task_store(struct libvirt_task *t, const struct ask *ask, libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, ask->answer, ask->ret, next);
    struct ask ours = *ask;
    struct err err = ERR_INIT;

    ours.ret = w->value;
    started(t, ask_start(t->host->loop, &ours, on_waited, w, &err), &err);
}

void libvirt_task_files(struct libvirt_task *t, enum files_what what, const struct files_request *q,
                        double timeout_s, struct file_list *ret, libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, &files_answer_record, ret, next);
    struct err err = ERR_INIT;

    started(t, files_ask(t->host->loop, what, q, timeout_s, w->value, on_waited, w, &err), &err);
}

void libvirt_task_run(struct libvirt_task *t, const struct proc_spec *spec, char **ret,
                      libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, NULL, NULL, next);
    struct err err = ERR_INIT;

    w->program_ret = ret;
    started(t, proc_start(t->host->loop, spec, &w->program, on_waited, w, &err), &err);
}

void libvirt_task_inspect(struct libvirt_task *t, struct domain_facts **ret, libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, NULL, NULL, next);
    struct hypervisor *hv = &t->host->hv;
    struct err err = ERR_INIT;

    w->facts_ret = ret;
    started(t, hv->ops->inspect(hv, t->domain, &w->facts, on_waited, w, &err), &err);
}

void libvirt_task_op(struct libvirt_task *t, libvirt_op_start start, libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, NULL, NULL, next);
    struct err err = ERR_INIT;

    started(t, start(t, on_waited, w, &err), &err);
}

void libvirt_task_abort(struct libvirt_task *t, const struct hv_job *job, libvirt_step next)
{
    struct libvirt_wait *w = new_wait(t, NULL, NULL, next);
    struct hypervisor *hv = &t->host->hv;
    struct err err = ERR_INIT;

    started(t, hv->ops->abort_job(hv, job, on_waited, w, &err), &err);
}

void libvirt_task_sleep(struct libvirt_task *t, double seconds, libvirt_step next)
{
    t->step = next;
    step_after(t, seconds, NULL);
}

void libvirt_task_finish(struct libvirt_task *t, const struct err *err)
{
    struct libvirt_task **at = &t->host->tasks;
    struct err copy = err ? *err : ERR_INIT;
    op_done done = t->done;
    void *ctx = t->ctx;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    ev_timer_stop(t->host->loop, &t->timer);
    if (t->wait) {
        t->wait->task = NULL;
        op_cancel(t->wait->op);
    }
    free(t->domain);
    free(t->uuid);
    t->release(t);
    if (done)
        done(ctx, copy.code != ERR_NONE ? &copy : NULL);
}

void libvirt_tasks_drop(struct libvirt_host *h)
{
    static const struct err canceled = {.code = ERR_CANCELED, .msg = "canceled"};

    while (h->tasks)
        libvirt_task_finish(h->tasks, &canceled);
}

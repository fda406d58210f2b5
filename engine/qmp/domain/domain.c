/* SPDX-License-Identifier: MIT */
#include "engine/qmp/domain/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "engine/qmp/domain/config.h"
#include "engine/qmp/domain/freezer.h"
#include "engine/qmp/domain/side.h"
#include "engine/writing.h"

#define TLS_CERTIFICATES "/etc/pki/qemu" /* where libvirt has them, too */

/* A child process outlives its task when the driver is freed meanwhile. */
struct waiting_child {
    struct task *task; /* NULL: gone */
    struct op *op;
    struct proc_result result;
    struct file_list files;
};

void domain_turn(struct domain *d)
{
    if (!ev_is_active(&d->turn))
        ev_timer_start(d->owner->loop, &d->turn);
}

static void step(struct task *t)
{
    t->woken = false;
    t->kind->step(t);
}

/* ---- the line ---- */

static void task_cancel(struct op *op)
{
    struct task *t = (struct task *)op;

    t->canceled = true;
    if (t->child)
        op_cancel(t->child->op);
    if (t->sleeping)
        domain_wake_sleeper(t->domain);
    domain_turn(t->domain);
}

static void prepare(struct domain *d, struct task *t, const struct task_kind *kind, op_done done,
                    void *ctx)
{
    t->op.cancel = task_cancel;
    t->domain = d;
    t->kind = kind;
    t->done = done;
    t->ctx = ctx;
    domain_turn(d);
}

struct op *task_start(struct domain *d, struct task *t, const struct task_kind *kind, op_done done,
                      void *ctx)
{
    struct task **p = &d->tasks;

    prepare(d, t, kind, done, ctx);
    while (*p)
        p = &(*p)->next;
    *p = t;
    return &t->op;
}

void task_start_first(struct domain *d, struct task *t, const struct task_kind *kind)
{
    struct task **p = &d->tasks;

    prepare(d, t, kind, NULL, NULL);
    if (*p && (*p)->at_work)
        p = &(*p)->next;
    t->next = *p;
    *p = t;
}

bool domain_has_waiting(const struct domain *d, const struct task_kind *kind)
{
    for (const struct task *t = d->tasks; t; t = t->next)
        if (t->kind == kind && !t->at_work)
            return true;
    return false;
}

/* The task whose turn it is begins as soon as it is known whether there is a connection. */
static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct domain *d = w->data;
    struct task *t = d->tasks;

    (void)loop;
    (void)revents;
    if (!t)
        return;
    if (t->at_work) {
        if (t->woken)
            step(t);
        return;
    }
    if (t->canceled) {
        task_finish(t, &(struct err){.code = ERR_CANCELED, .msg = "cancelled"});
        return;
    }
    if (!t->tried)
        connection_want(d);
    t->tried = true;
    if (connection_is_pending(d))
        return;
    t->at_work = true;
    t->wait_err = d->up ? ERR_INIT : d->down_why;
    step(t);
}

static void detach(struct task *t)
{
    ev_timer_stop(t->domain->owner->loop, &t->alarm);
    if (t->child) {
        t->child->task = NULL;
        op_cancel(t->child->op);
    }
    t->child = NULL;
    json_decref(t->reply);
    t->reply = NULL;
    free(TAKE_PTR(t->output));
    file_list_done(&t->files);
}

static void leave_line(struct task *t)
{
    struct task **p = &t->domain->tasks;

    while (*p != t)
        p = &(*p)->next;
    *p = t->next;
    t->next = NULL;
}

void task_move(struct task *t, struct domain *to)
{
    struct task **p = &to->tasks;

    leave_line(t);
    if (t->domain->tasks)
        domain_turn(t->domain);
    t->domain = to;
    t->at_work = t->tried = false;
    while (*p)
        p = &(*p)->next;
    *p = t;
    domain_turn(to);
}

void task_finish(struct task *t, const struct err *err)
{
    struct domain *d = t->domain;
    struct err copy = err ? *err : ERR_INIT;
    op_done done = t->done;
    void *ctx = t->ctx;

    leave_line(t);
    detach(t);
    t->kind->release(t);
    if (d->tasks)
        domain_turn(d);
    if (done)
        done(ctx, err ? &copy : NULL);
}

void domain_drop_tasks(struct domain *d)
{
    static const struct err canceled = {.code = ERR_CANCELED, .msg = "cancelled"};

    while (d->tasks)
        task_finish(d->tasks, &canceled);
}

/* ---- waiting ---- */

void task_resume(struct task *t, const struct err *err)
{
    t->wait_err = err ? *err : ERR_INIT;
    step(t);
}

/* Like task_resume, but for use in a step. */
static void resume_later(struct task *t, const struct err *err)
{
    t->wait_err = err ? *err : ERR_INIT;
    t->woken = true;
    domain_turn(t->domain);
}

void task_yield(struct task *t)
{
    resume_later(t, NULL);
}

static void on_reply(void *ctx, json_t *ret, const struct err *err)
{
    struct task *t = ctx;

    t->reply = ret ? json_incref(ret) : NULL;
    task_resume(t, err);
}

void task_call(struct task *t, struct command command)
{
    struct err err = ERR_INIT;

    json_decref(t->reply);
    t->reply = NULL;
    if (connection_is_up(t->domain)) {
        qmp_call_fd(t->domain->client, command.name, command.args, command.fd, command.timeout_s,
                    on_reply, t);
        return;
    }
    json_decref(command.args);
    connection_error(t->domain, &err);
    resume_later(t, &err);
}

static void on_alarm(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct task *t = w->data;

    (void)loop;
    (void)revents;
    t->sleeping = false;
    task_resume(t, NULL);
}

void task_sleep(struct task *t, double seconds)
{
    t->sleeping = true;
    ev_timer_init(&t->alarm, on_alarm, seconds, 0);
    t->alarm.data = t;
    ev_timer_start(t->domain->owner->loop, &t->alarm);
}

void domain_wake_sleeper(struct domain *d)
{
    struct task *t = d->tasks;

    if (!t || !t->sleeping)
        return;
    t->sleeping = false;
    ev_timer_stop(d->owner->loop, &t->alarm);
    resume_later(t, NULL);
}

static void on_child(void *ctx, const struct err *err)
{
    struct waiting_child *child = ctx;
    struct task *t = child->task;

    if (t) {
        t->child = NULL;
        t->output = TAKE_PTR(child->result.out);
        t->files = child->files;
        child->files = (struct file_list){0};
    }
    free(child->result.out);
    file_list_done(&child->files);
    free(child);
    if (t)
        task_resume(t, err);
}

static struct waiting_child *new_child(struct task *t)
{
    free(TAKE_PTR(t->output));
    file_list_done(&t->files);
    t->child = xcalloc(1, sizeof(*t->child));
    t->child->task = t;
    return t->child;
}

static void started(struct task *t, struct op *op, const struct err *err)
{
    t->child->op = op;
    if (op)
        return;
    free(TAKE_PTR(t->child));
    resume_later(t, err);
}

void task_run(struct task *t, const struct proc_spec *spec)
{
    struct waiting_child *child = new_child(t);
    struct err err = ERR_INIT;

    started(t, proc_start(t->domain->owner->loop, spec, &child->result, on_child, child, &err),
            &err);
}

void task_files(struct task *t, enum files_what what, const struct files_request *q,
                double timeout_s)
{
    struct waiting_child *child = new_child(t);
    struct err err = ERR_INIT;

    started(
        t,
        files_ask(t->domain->owner->loop, what, q, timeout_s, &child->files, on_child, child, &err),
        &err);
}

/* ---- the domain ---- */

void domain_raise(struct domain *d, enum hv_event_type type)
{
    struct qmp_hypervisor *owner = d->owner;

    d = d->side->raises_for(d, type);
    if (!d)
        return;
    if (type == HV_EVENT_JOB)
        d->raise_job = true;
    else
        d->raise_domain = true;
    if (!ev_is_active(&owner->raise))
        ev_timer_start(owner->loop, &owner->raise);
}

char *domain_bitmap(const struct domain *d, const char *checkpoint, const char *disk)
{
    return d->shared_names ? xstrdup(checkpoint) : checkpoint_bitmap(checkpoint, disk);
}

struct view_names domain_names(const struct domain *d, const char *cwd)
{
    return (struct view_names){.items = d->disks, .n = d->n_disks, .cwd = cwd};
}

bool domain_has_images_only(const struct domain *d)
{
    return !d->up && d->down_state == DOMAIN_SHUTOFF && d->n_disks > 0;
}

/* Not by SO_PEERCRED: QEMU may change its user after it has begun to listen (-runas). */
void domain_user(const struct domain *d, uid_t *uid, gid_t *gid)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d", (int)d->pid);
    *uid = geteuid();
    *gid = getegid();
    if (d->pid > 0 && stat(path, &st) == 0) {
        *uid = st.st_uid;
        *gid = st.st_gid;
    }
}

/* The mark that a thaw was owed may go. */
static void on_thawed(void *ctx)
{
    struct domain *d = ctx;

    d->owner->tend(d);
}

static bool is_there(void *ctx)
{
    return ((const struct domain *)ctx)->up;
}

struct domain *domain_new(struct qmp_hypervisor *owner, const struct qmp_domain_config *config,
                          const struct side *side)
{
    struct domain *d = xcalloc(1, sizeof(*d));
    const struct freezer_owner freezer = {on_thawed, is_there, d};

    d->owner = owner;
    d->side = side;
    d->name = xstrdup(config->name);
    d->qmp = xstrdup(config->qmp);
    d->agent = xstrdup(config->agent);
    d->tls_certificates =
        xstrdup(config->tls_certificates ? config->tls_certificates : TLS_CERTIFICATES);
    d->tls_verify = !config->tls_no_verify;
    d->shared_names = config->shared_names;
    d->n_disks = config->n_disks;
    d->disks = xcalloc(config->n_disks, sizeof(*d->disks));
    for (size_t i = 0; i < config->n_disks; i++) {
        d->disks[i].name = xstrdup(config->disks[i].name);
        d->disks[i].image = xstrdup(config->disks[i].image);
        d->disks[i].format = xstrdup(config->disks[i].format ? config->disks[i].format : "qcow2");
    }
    ev_timer_init(&d->turn, on_turn, 0, 0);
    d->turn.data = d;
    if (d->agent)
        d->freezer = freezer_new(owner->loop, d->agent, &freezer);
    connection_init(d);
    return d;
}

void domain_free(struct domain *d)
{
    domain_drop_tasks(d);
    writing_stop(&d->writing);
    writing_stop(&d->holding);
    if (d->offline)
        domain_free(TAKE_PTR(d->offline));
    d->side->free(d);
    freezer_free(d->freezer);
    connection_done(d);
    ev_timer_stop(d->owner->loop, &d->turn);
    for (size_t i = 0; i < d->n_disks; i++) {
        free(d->disks[i].name);
        free(d->disks[i].image);
        free(d->disks[i].format);
    }
    free(d->disks);
    free(d->name);
    free(d->qmp);
    free(d->agent);
    free(d->tls_certificates);
    free(d);
}

/* SPDX-License-Identifier: MIT
 *
 * trial: what a push needs of QEMU, and quiescing of the guest's agent, tried.
 *
 * A file is made for QEMU's user, QEMU opens it as it would a target, lets go of it, and it is
 * removed: whatever fails in between, what was made goes again.  Its directory has answered when
 * the file was made, so QEMU's main loop does not hang in it.  The agent is asked for the state of
 * the guest's file systems, which changes nothing.
 */
#include "engine/qmp/look/trial.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "engine/qmp/domain/freezer.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/wire/agent.h"

#define FILES_S 10.0
#define OPEN_S 10.0
#define AGENT_S 5.0

enum {
    T_BEGIN,
    T_LEFTOVER,
    T_MAKING,
    T_CLEARING, /* one of that name is there: a trial that broke off has left it */
    T_MAKING_AGAIN,
    T_OPENING,
    T_CLOSING,
    T_REMOVING,
    T_ASKING,
};

struct trial {
    struct task task; /* first */
    struct hv_trial *ret;
    struct strlist path; /* none or one */
    int step;
    bool wants_agent;
    struct agent *agent;
};

static void note(char **ret, const struct err *err)
{
    if (err->code != ERR_NONE && !*ret)
        *ret = xstrdup(err->msg);
}

static void finish(struct trial *r)
{
    struct err err = ERR_INIT;

    if (r->task.canceled)
        err_set(&err, ERR_CANCELED, "cancelled");
    task_finish(&r->task, err.code != ERR_NONE ? &err : NULL);
}

static void on_agent(void *ctx, bool uncertain, const struct err *err)
{
    (void)uncertain;
    task_resume(ctx, err);
}

/* While a thaw is owed, the line is the freezer's. */
static void ask_agent(struct trial *r)
{
    struct domain *d = r->task.domain;

    if (!r->wants_agent || !d->agent || r->task.canceled || !d->freezer ||
        !freezer_is_idle(d->freezer)) {
        finish(r);
        return;
    }
    r->step = T_ASKING;
    r->ret->agent_asked = true;
    r->agent = agent_new(d->owner->loop, d->agent);
    agent_call(r->agent, "guest-fsfreeze-status", AGENT_S, on_agent, &r->task);
}

static void files(struct trial *r, int step, enum files_what what)
{
    struct files_request q = {.names = &r->path};

    r->step = step;
    domain_user(r->task.domain, &q.uid, &q.gid);
    task_files(&r->task, what, &q, FILES_S);
}

static void call(struct trial *r, int step, struct command c)
{
    r->step = step;
    c.timeout_s = OPEN_S;
    task_call(&r->task, c);
}

/* One that broke off may have left its node, or the file. */
static void begin(struct trial *r)
{
    if (r->task.canceled || !connection_is_up(r->task.domain)) {
        finish(r);
        return;
    }
    r->ret->running = true;
    if (r->path.n == 0)
        ask_agent(r);
    else
        call(r, T_LEFTOVER, command_del_node(TRIAL_NODE));
}

static void made(struct trial *r)
{
    const struct file_fact *f = file_find_named(&r->task.files, r->path.items[0]);
    const struct backup_place place = {.type = PLACE_FILE, .path = r->path.items[0]};

    if (f && f->error && f->error->code == ERR_EXISTS && r->step == T_MAKING) {
        files(r, T_CLEARING, FILES_REMOVE);
        return;
    }
    note(&r->ret->problem, &r->task.wait_err);
    if (f && f->error)
        note(&r->ret->problem, f->error);
    r->ret->made = !r->ret->problem;
    if (r->task.canceled || r->ret->problem)
        files(r, T_REMOVING, FILES_REMOVE);
    else
        call(r, T_OPENING, command_add_place(TRIAL_NODE, &place, false, NULL));
}

static void trial_step(struct task *t)
{
    struct trial *r = (struct trial *)t;

    switch (r->step) {
    case T_BEGIN:
        begin(r);
        return;
    case T_LEFTOVER:
        files(r, T_MAKING, FILES_MAKE);
        return;
    case T_CLEARING:
        files(r, T_MAKING_AGAIN, FILES_MAKE);
        return;
    case T_MAKING:
    case T_MAKING_AGAIN:
        made(r);
        return;
    case T_OPENING:
        note(&r->ret->problem, &t->wait_err);
        r->ret->opened = !r->ret->problem;
        call(r, T_CLOSING, command_del_node(TRIAL_NODE));
        return;
    case T_CLOSING:
        files(r, T_REMOVING, FILES_REMOVE);
        return;
    case T_REMOVING:
        note(&r->ret->problem, &t->wait_err);
        ask_agent(r);
        return;
    default:
        note(&r->ret->agent_problem, &t->wait_err);
        finish(r);
        return;
    }
}

static void trial_release(struct task *t)
{
    struct trial *r = (struct trial *)t;

    agent_free(r->agent);
    strlist_done(&r->path);
    free(r);
}

struct op *trial_start(struct domain *d, const char *path, bool agent, struct hv_trial *ret,
                       op_done done, void *ctx)
{
    static const struct task_kind kind = {trial_step, trial_release};
    struct trial *r = xcalloc(1, sizeof(*r));

    *ret = (struct hv_trial){0};
    r->ret = ret;
    r->wants_agent = agent;
    if (path)
        strlist_add(&r->path, path);
    return task_start(d, &r->task, &kind, done, ctx);
}

/* SPDX-License-Identifier: MIT
 *
 * A checkpoint of a guest whose file systems are frozen: mark, freeze, the transaction, thaw,
 * unmark (see freezer.h).  Whatever goes wrong, what was marked is thawed.
 */
#include "engine/qmp/begin/checkpoint_quiesce.h"

#include "engine/backup_check.h"
#include "engine/qmp/domain/freezer.h"
#include "engine/qmp/state/ids.h"

const char *domain_cannot_freeze(const struct domain *d, const struct view *v)
{
    if (!d->freezer)
        return "no guest agent is configured";
    if (!v->running)
        return "the guest does not run";
    if (v->frozen_mark)
        return BACKUP_THAW_OWED;
    return NULL;
}

enum { Q_IDLE, Q_MARKING, Q_FREEZING, Q_MAKING, Q_THAWING, Q_UNMARKING };

static void on_freezer(void *ctx, const struct err *err)
{
    task_resume(ctx, err);
}

static void on_hold_end(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct checkpoint_quiesce *q = w->data;

    (void)loop;
    (void)revents;
    q->late = true;
    freezer_thaw(q->freezer, NULL, NULL);
}

int checkpoint_quiesce_start(struct checkpoint_quiesce *q, struct task *t, const struct view *v,
                             struct err *err)
{
    const char *why = domain_cannot_freeze(t->domain, v);

    if (why)
        return err_set(err, ERR_UNSUPPORTED, "quiesce the guest: %s", why);
    q->freezer = t->domain->freezer;
    q->loop = t->domain->owner->loop;
    q->step = Q_MARKING;
    task_call(t, command_add_mark(FROZEN_MARK));
    return 0;
}

static void freeze(struct checkpoint_quiesce *q, struct task *t)
{
    q->step = Q_FREEZING;
    ev_timer_init(&q->hold, on_hold_end, FREEZE_S, 0);
    q->hold.data = q;
    ev_timer_start(q->loop, &q->hold);
    freezer_freeze(q->freezer, FREEZE_S, on_freezer, t);
}

static void thaw(struct checkpoint_quiesce *q, struct task *t)
{
    q->step = Q_THAWING;
    ev_timer_stop(q->loop, &q->hold);
    freezer_thaw(q->freezer, on_freezer, t);
}

static void note(struct checkpoint_quiesce *q, const struct err *err, const char *what)
{
    if (err->code == ERR_NONE || q->err.code != ERR_NONE)
        return;
    q->err = *err;
    if (what)
        err_wrap(&q->err, "%s", what);
}

static void judge(struct checkpoint_quiesce *q)
{
    struct err err = ERR_INIT;

    if (q->late)
        err_set(&err, ERR_TIMEOUT, "it took longer than %d s, and the guest was thawed before",
                FREEZE_S);
    note(q, &err, "quiesce the guest");
    /* It is there all the same, and has to be deleted. */
    if (q->made && q->err.code != ERR_NONE)
        q->err.code = ERR_TIMEOUT;
}

bool checkpoint_quiesce_step(struct checkpoint_quiesce *q, struct task *t, bool *make)
{
    *make = false;
    switch (q->step) {
    case Q_MARKING:
        note(q, &t->wait_err, "quiesce the guest");
        if (q->err.code != ERR_NONE)
            return false;
        freeze(q, t);
        return true;
    case Q_FREEZING:
        note(q, &t->wait_err, "quiesce the guest");
        if (t->canceled && q->err.code == ERR_NONE)
            err_set(&q->err, ERR_CANCELED, "cancelled");
        if (q->err.code == ERR_NONE) {
            q->step = Q_MAKING;
            *make = true;
            return true;
        }
        thaw(q, t);
        return true;
    case Q_MAKING:
        q->made = t->wait_err.code == ERR_NONE;
        note(q, &t->wait_err, NULL);
        thaw(q, t);
        return true;
    case Q_THAWING:
        note(q, &t->wait_err, "the guest's file systems are perhaps still frozen");
        q->step = Q_UNMARKING;
        /* Not confirmed: then the mark stays, and goes when it is. */
        if (freezer_is_thawed(q->freezer))
            task_call(t, command_del_node(FROZEN_MARK));
        else
            task_yield(t);
        return true;
    default:
        judge(q);
        return false;
    }
}

void checkpoint_quiesce_failed(struct checkpoint_quiesce *q, struct task *t, const struct err *err)
{
    note(q, err, NULL);
    thaw(q, t);
}

void checkpoint_quiesce_done(struct checkpoint_quiesce *q)
{
    if (q->loop)
        ev_timer_stop(q->loop, &q->hold);
}

/* SPDX-License-Identifier: MIT
 *
 * Quiescing the guest around the transaction that begins a backup.
 *
 * The guest stays frozen for as long as the request allows, whatever QEMU does meanwhile: should
 * its answer to the transaction come later than that, the guest is thawed before it, and does not
 * count as quiesced.
 */
#include <stdio.h>

#include "engine/qmp/begin/begin.h"

void begin_quiesce_failed(struct begin *b, const struct err *why)
{
    if (b->task.canceled) {
        err_set(&b->err, ERR_CANCELED, "cancelled");
    } else if (b->quiesce == QUIESCE_REQUIRE) {
        b->err = *why;
        err_wrap(&b->err, "quiesce the guest");
    } else {
        snprintf(b->begun.note, sizeof(b->begun.note), "%s", why->msg);
    }
}

bool begin_wants_freeze(struct begin *b)
{
    const char *reason = b->quiesce == QUIESCE_OFF ? NULL : begin_check_quiesce(b);
    struct err err = ERR_INIT;

    if (!reason)
        return b->quiesce != QUIESCE_OFF;
    err_set(&err, ERR_UNSUPPORTED, "%s", reason);
    begin_quiesce_failed(b, &err);
    return false;
}

static void on_hold_end(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct begin *b = w->data;

    (void)loop;
    (void)revents;
    b->late = true;
    freezer_thaw(b->task.domain->freezer, NULL, NULL);
}

static void on_freezer(void *ctx, const struct err *err)
{
    struct begin *b = ctx;

    task_resume(&b->task, err);
}

void begin_freeze(struct begin *b)
{
    struct domain *d = b->task.domain;

    ev_timer_init(&b->hold, on_hold_end, b->freeze_s, 0);
    b->hold.data = b;
    ev_timer_start(d->owner->loop, &b->hold);
    freezer_freeze(d->freezer, b->freeze_s, on_freezer, b);
}

void begin_thaw(struct begin *b)
{
    struct domain *d = b->task.domain;

    ev_timer_stop(d->owner->loop, &b->hold);
    freezer_thaw(d->freezer, on_freezer, b);
}

void begin_thawed(struct begin *b)
{
    const struct err *err = &b->task.wait_err;

    b->begun.frozen_ms = freezer_frozen_ms(b->task.domain->freezer);
    b->begun.perhaps_frozen = !freezer_is_thawed(b->task.domain->freezer);
    if (!b->begun.perhaps_frozen)
        return;
    b->owed = *err;
    err_wrap(&b->owed,
             "the guest's file systems are perhaps still frozen, and the thaw is tried again");
    domain_raise(b->task.domain, HV_EVENT_DOMAIN);
}

void begin_unmark(struct begin *b)
{
    /* Not confirmed: then the mark stays, and goes when it is. */
    if (freezer_is_thawed(b->task.domain->freezer))
        task_call(&b->task, command_del_node(FROZEN_MARK));
    else
        task_yield(&b->task);
}

int begin_judge_quiesce(struct begin *b)
{
    struct err late = ERR_INIT;

    b->begun.quiesced = b->frozen && !b->late;
    if (!b->begun.quiesced)
        b->begun.frozen_ms = 0;
    b->begun.perhaps_frozen =
        b->begun.perhaps_frozen && !freezer_is_thawed(b->task.domain->freezer);
    if (b->begun.perhaps_frozen)
        begin_quiesce_failed(b, &b->owed);
    if (!b->late || b->err.code != ERR_NONE)
        return b->err.code != ERR_NONE ? -1 : 0;
    err_set(&late, ERR_TIMEOUT, "QEMU took longer than %d s to begin; the guest was thawed before",
            b->freeze_s);
    begin_quiesce_failed(b, &late);
    return b->err.code != ERR_NONE ? -1 : 0;
}

/* SPDX-License-Identifier: MIT
 *
 * backup_begin.
 *
 *   start -> looking -> creating -> attaching -> shielding -> marking -> freezing -> beginning
 *               |       flushing      |  ^          |           |          |            |  ^
 *               |          |          |  |   (fails)|           |          v            v  |
 *               |          |          |  +----------+           |       thawing ----> unmarking
 *               v          |          |     retreating          |                       |
 *            failed        +----------+-----------+-------------+                       v
 *               ^                     v                                             following
 *               +---------------- retracting <------------------------------------------+--> done
 *
 * marking to unmarking only where the guest is to be quiesced; see freezer.h.
 *
 * `beginning` is the instant.  Without a shield (begin_shield.c) it is one transaction: all disks'
 * copies start, and the new checkpoint's bitmaps record, at the same instant, or nothing of it
 * happens.  With one, the checkpoint's bitmaps start in a transaction, then one command cuts all
 * disks' snapshots; the copies or exports of these follow, with the guest already thawed.
 * Before the instant only images, nodes and idle filters are made, and it is looked what the disks
 * hold (begin_sound.c).  Whatever goes wrong, everything
 * of the tag is taken away again (begin_undo.c); but when the instant's answer does not come
 * (timeout, connection lost) it may have happened: then nothing is undone, and the caller asks
 * job_stats.
 *
 * Where the shield cannot be put up, the copy goes on without it, and says so.
 */
#include "engine/qmp/begin/begin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/qmp/domain/side.h"

enum begin_state {
    B_START,
    B_LOOKING,
    B_CREATING,
    B_FLUSHING,
    B_ATTACHING,
    B_SHIELDING,
    B_SOUNDING,
    B_RETREATING,
    B_UNNAMING,
    B_MARKING,
    B_FREEZING,
    B_BEGINNING,
    B_THAWING,
    B_UNMARKING,
    B_FOLLOWING,
    B_DONE,
    B_RETRACTING,
    B_FAILED,
};

#define TO(s) FSM_BIT(B_##s)
static const struct fsm_state states[] = {
    [B_START] = {"start", TO(LOOKING) | TO(FAILED)},
    [B_LOOKING] = {"looking", TO(CREATING) | TO(FAILED)},
    [B_CREATING] = {"creating", TO(FLUSHING) | TO(RETRACTING)},
    [B_FLUSHING] = {"flushing", TO(ATTACHING) | TO(RETRACTING)},
    [B_ATTACHING] = {"attaching", TO(SHIELDING) | TO(UNNAMING) | TO(RETRACTING)},
    [B_SHIELDING] = {"shielding", TO(RETREATING) | TO(SOUNDING) | TO(RETRACTING)},
    [B_SOUNDING] = {"sounding", TO(UNNAMING) | TO(RETRACTING)},
    [B_RETREATING] = {"retreating", TO(ATTACHING) | TO(RETRACTING)},
    [B_UNNAMING] = {"unnaming", TO(MARKING) | TO(BEGINNING) | TO(RETRACTING)},
    [B_MARKING] = {"marking", TO(FREEZING) | TO(BEGINNING) | TO(RETRACTING)},
    [B_FREEZING] = {"freezing", TO(BEGINNING) | TO(THAWING)},
    [B_BEGINNING] = {"beginning", TO(THAWING) | TO(FOLLOWING) | TO(RETRACTING) | TO(FAILED)},
    [B_THAWING] = {"thawing", TO(UNMARKING)},
    [B_UNMARKING] = {"unmarking", TO(BEGINNING) | TO(FOLLOWING) | TO(RETRACTING) | TO(FAILED)},
    [B_FOLLOWING] = {"following", TO(DONE) | TO(RETRACTING)},
    [B_DONE] = {"done", 0},
    [B_RETRACTING] = {"retracting", TO(FAILED)},
    [B_FAILED] = {"failed", 0},
};

/* Did QEMU answer at all?  Its refusal means that nothing has happened. */
static bool may_have_begun(const struct begin *b)
{
    return b->err.code != ERR_NONE &&
           (b->err.code == ERR_TIMEOUT || !connection_is_up(b->task.domain));
}

/* ---- the machine ---- */

static void enter(struct begin *b, enum begin_state state)
{
    static void (*const steps[])(struct begin * b) = {
        [B_ATTACHING] = begin_steps_attach,
        [B_SHIELDING] = begin_steps_shield,
        [B_BEGINNING] = begin_steps_instant,
        [B_FOLLOWING] = begin_steps_follow,
    };

    fsm_move(&b->fsm, (int)state);
    b->next = 0;
    b->task.wait_err = ERR_INIT;
    begin_steps_clear(b);
    if (state == B_BEGINNING)
        b->asked = true;
    if (state < ARRAY_LEN(steps) && steps[state])
        steps[state](b);
}

/* True: suspended. */
static bool see_places(struct begin *b)
{
    if (b->seeing == PLACES_UNSEEN) {
        b->seeing = PLACES_ASKED;
        b->task.wait_err = ERR_INIT;
        if (begin_look_at_places(b))
            return true;
    }
    if (b->seeing == PLACES_ASKED) {
        b->seeing = PLACES_SEEN;
        file_list_move(&b->places, &b->task.files);
        begin_is_bad(b);
    }
    return false;
}

static bool start(struct begin *b)
{
    if (see_places(b) || (b->err.code == ERR_NONE && begin_offline_prepare(b)))
        return true;
    if (b->err.code == ERR_NONE && !connection_is_up(b->task.domain))
        connection_error(b->task.domain, &b->err);
    if (begin_is_bad(b)) {
        enter(b, B_FAILED);
        return false;
    }
    enter(b, B_LOOKING);
    look_start(&b->look, &b->task, VIEW_ALL);
    return true;
}

/* Can the guest write to any of them? */
static bool writes(const struct begin *b)
{
    for (size_t i = 0; i < b->disks.n; i++)
        if (!b->disks.items[i].still)
            return true;
    return false;
}

static void decide_on_shield(struct begin *b)
{
    bool still = b->task.domain->side->no_writer || !writes(b);

    /* Nothing writes to read-only disks, or to those of a domain that is shut off. */
    b->begun.guest_safe = still;
    b->shield = !still && begin_check_shield(b, b->begun.unsafe, sizeof(b->begun.unsafe));
}

static bool look(struct begin *b)
{
    enum look_result result = look_step(&b->look, &b->task, &b->err);

    if (result == LOOK_WAITING)
        return true;
    if (result == LOOK_FAILED || begin_check_domain(b, &b->err) < 0 || begin_is_bad(b)) {
        begin_offline_explain(b);
        enter(b, B_FAILED);
        return false;
    }
    decide_on_shield(b);
    begin_list_images(b);
    enter(b, B_CREATING);
    return false;
}

/* All images are there, or b->err.  True: suspended. */
static bool created(struct begin *b)
{
    bool bad = begin_is_bad(b);

    enter(b, bad ? B_RETRACTING : B_FLUSHING);
    return !bad && begin_flush_disks(b);
}

/* An error of a guest's disk is the guest's affair; but one that hangs would hang in QEMU, too. */
static void flushed(struct begin *b)
{
    if (b->task.wait_err.code != ERR_TIMEOUT)
        b->task.wait_err = ERR_INIT;
    enter(b, begin_is_bad(b) ? B_RETRACTING : B_ATTACHING);
}

/* All nodes are there.  True: suspended. */
static bool attached(struct begin *b)
{
    enter(b, B_UNNAMING);
    return begin_unlink_images(b, true);
}

/* True: suspended. */
static bool unnamed(struct begin *b)
{
    if (b->task.wait_err.code != ERR_NONE)
        log_debug("qmp: %s: %s", b->task.domain->name, b->task.wait_err.msg);
    b->task.wait_err = ERR_INIT;
    if (begin_wants_freeze(b)) {
        enter(b, B_MARKING);
        task_call(&b->task, command_add_mark(FROZEN_MARK));
        return true;
    }
    enter(b, b->err.code != ERR_NONE ? B_RETRACTING : B_BEGINNING);
    return false;
}

/* The shield could not be put up: what there is of it, and the targets, go, and all is attached
 * again without it.  True: suspended. */
static bool shielded(struct begin *b)
{
    if (b->err.code == ERR_NONE) {
        b->begun.guest_safe = true;
        enter(b, B_SOUNDING);
        return false;
    }
    if (b->task.canceled || !connection_is_up(b->task.domain)) {
        enter(b, B_RETRACTING);
        return false;
    }
    snprintf(b->begun.unsafe, sizeof(b->begun.unsafe), "%s", b->err.msg);
    log_debug("qmp: %s: no guest-safe copy: %s", b->task.domain->name, b->err.msg);
    b->err = ERR_INIT;
    b->shield = false;
    enter(b, B_RETREATING);
    tend_init(&b->retract, TEND_FORGET, b->tag);
    b->retracting = true;
    return false;
}

/* True: suspended. */
static bool retreat(struct begin *b)
{
    if (tend_step(&b->retract, &b->task, &b->err))
        return true;
    b->retracting = false;
    tend_done(&b->retract);
    enter(b, begin_is_bad(b) ? B_RETRACTING : B_ATTACHING);
    return false;
}

static void marked(struct begin *b)
{
    if (b->task.wait_err.code == ERR_NONE) {
        b->marked = true;
        enter(b, B_FREEZING);
        begin_freeze(b);
        return;
    }
    begin_quiesce_failed(b, &b->task.wait_err);
    enter(b, b->err.code == ERR_NONE ? B_BEGINNING : B_RETRACTING);
    task_yield(&b->task);
}

static void frozen(struct begin *b)
{
    b->frozen = b->task.wait_err.code == ERR_NONE && !b->task.canceled;
    if (b->frozen) {
        enter(b, B_BEGINNING);
        task_yield(&b->task);
        return;
    }
    begin_quiesce_failed(b, &b->task.wait_err);
    enter(b, B_THAWING);
    begin_thaw(b);
}

/* The instant has been answered, and nothing is frozen any more. */
static void conclude(struct begin *b)
{
    if (b->err.code != ERR_NONE)
        enter(b, b->uncertain ? B_FAILED : B_RETRACTING);
    else
        enter(b, begin_judge_quiesce(b) < 0 ? B_RETRACTING : B_FOLLOWING);
}

/* True: suspended. */
static bool instant_over(struct begin *b)
{
    b->uncertain = may_have_begun(b);
    if (!b->marked) {
        conclude(b);
        return false;
    }
    enter(b, B_THAWING);
    begin_thaw(b);
    return true;
}

static void thawed(struct begin *b)
{
    begin_thawed(b);
    enter(b, B_UNMARKING);
    begin_unmark(b);
}

static void unmarked(struct begin *b)
{
    if (b->asked) {
        conclude(b);
        return;
    }
    b->marked = false;
    enter(b, b->err.code == ERR_NONE ? B_BEGINNING : B_RETRACTING);
}

static void followed(struct begin *b)
{
    if (b->err.code != ERR_NONE && !connection_is_up(b->task.domain)) {
        enter(b, B_RETRACTING);
        return;
    }
    b->begun.port = b->server.port;
    enter(b, b->err.code == ERR_NONE ? B_DONE : B_RETRACTING);
}

/* The states before the guest is touched.  True: suspended. */
static bool prepare(struct begin *b)
{
    switch ((enum begin_state)b->fsm.state) {
    case B_START:
        return start(b);
    case B_LOOKING:
        return look(b);
    case B_CREATING:
        return begin_create_next(b) || created(b);
    case B_FLUSHING:
        flushed(b);
        return false;
    case B_ATTACHING:
        if (begin_send_next(b))
            return true;
        if (b->err.code != ERR_NONE)
            enter(b, B_RETRACTING);
        else if (b->shield)
            enter(b, B_SHIELDING);
        else
            return attached(b);
        return false;
    case B_SHIELDING:
        return begin_send_next(b) || shielded(b);
    case B_SOUNDING:
        if (begin_sound_next(b))
            return true;
        if (b->err.code == ERR_NONE)
            return attached(b);
        enter(b, B_RETRACTING);
        return false;
    case B_UNNAMING:
        return unnamed(b);
    default: /* B_RETREATING */
        return retreat(b);
    }
}

static void begin_step(struct task *t)
{
    struct begin *b = (struct begin *)t;

    for (;;) {
        switch ((enum begin_state)b->fsm.state) {
        case B_START:
        case B_LOOKING:
        case B_CREATING:
        case B_FLUSHING:
        case B_ATTACHING:
        case B_SHIELDING:
        case B_SOUNDING:
        case B_RETREATING:
        case B_UNNAMING:
            if (prepare(b))
                return;
            continue;
        case B_MARKING:
            marked(b);
            return;
        case B_FREEZING:
            frozen(b);
            return;
        case B_BEGINNING:
            if (begin_send_next(b) || instant_over(b))
                return;
            continue;
        case B_THAWING:
            thawed(b);
            return;
        case B_UNMARKING:
            unmarked(b);
            continue;
        case B_FOLLOWING:
            if (begin_send_next(b))
                return;
            followed(b);
            continue;
        case B_RETRACTING:
            if (begin_retract_next(b))
                return;
            enter(b, B_FAILED);
            continue;
        case B_DONE:
            if (b->ret)
                *b->ret = b->begun;
            task_finish(t, NULL);
            return;
        case B_FAILED:
            if (begin_offline_undo(b))
                return;
            task_finish(t, &b->err);
            return;
        }
    }
}

static void begin_release(struct task *t)
{
    struct begin *b = (struct begin *)t;

    begin_steps_clear(b);
    strlist_done(&b->strings);
    free(b->disks.items);
    free(b->images.items);
    ev_timer_stop(b->task.domain->owner->loop, &b->hold);
    look_done(&b->look);
    file_list_done(&b->places);
    file_list_done(&b->made);
    tend_done(&b->retract);
    free(b);
}

struct op *begin_start(struct domain *d, const struct backup_request *request,
                       struct backup_begun *ret, op_done done, void *ctx, struct err *err)
{
    static const struct task_kind kind = {begin_step, begin_release};
    struct begin *b;

    if (begin_check_request(request, err) < 0)
        return NULL;
    if (domain_has_waiting(d, &kind) || (d->tasks && d->tasks->kind == &kind)) {
        err_set(err, ERR_BUSY, "another backup of the domain is beginning");
        return NULL;
    }
    b = begin_new(d, request);
    b->fsm = (struct fsm){.states = states, .state = B_START};
    b->ret = ret;
    return task_start(d, &b->task, &kind, done, ctx);
}

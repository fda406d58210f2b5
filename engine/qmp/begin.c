/* SPDX-License-Identifier: MIT
 *
 * backup_begin.
 *
 *   start -> looking -> creating -> attaching -> marking -> freezing -> beginning -> done
 *                                                   |          |         |  ^ |       ^
 *                                                   |          v         v  | |       |
 *                                                   |         thawing -> unmarking ---+
 *   (error, cancel)                                 v                         |
 *    from creating on                            undoing -> failed            |
 *                                                   ^                         |
 *                                                   +------ retracting <------+
 *
 * (marking to unmarking only where the guest is to be quiesced; see freezer.h.)
 *
 * beginning is one transaction: all disks' copies start, and the new checkpoint's bitmaps record,
 * at the same instant, or nothing of it happens.  Before it, only targets are made, and undoing
 * takes them away again.  When its answer does not come (timeout, connection lost) it may have
 * happened: then nothing is undone, for a copy may be writing there.
 *
 * GUEST-SAFE COPY: blockdev-backup makes the guest's writes wait for the target, and fail when it
 * is full; reap.c deals with the consequences.  The way without them (a copy-before-write filter
 * with on-cbw-error=break-snapshot and a scratch image, and a copy of its snapshot-access node)
 * belongs between attaching and beginning: it gives each disk another node to copy from.
 */
#include "engine/qmp/begin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/qmp/tasks.h"

#define CREATE_S 60.0

enum begin_state {
    B_START,
    B_LOOKING,
    B_CREATING,
    B_ATTACHING,
    B_MARKING,
    B_FREEZING,
    B_BEGINNING,
    B_THAWING,
    B_UNMARKING,
    B_RETRACTING,
    B_DONE,
    B_UNDOING,
    B_FAILED,
};

#define TO(s) FSM_BIT(B_##s)
static const struct fsm_state states[] = {
    [B_START] = {"start", TO(LOOKING) | TO(FAILED)},
    [B_LOOKING] = {"looking", TO(CREATING) | TO(FAILED)},
    [B_CREATING] = {"creating", TO(ATTACHING) | TO(UNDOING)},
    [B_ATTACHING] = {"attaching", TO(MARKING) | TO(BEGINNING) | TO(UNDOING)},
    [B_MARKING] = {"marking", TO(FREEZING) | TO(BEGINNING) | TO(UNDOING)},
    [B_FREEZING] = {"freezing", TO(BEGINNING) | TO(THAWING)},
    [B_BEGINNING] = {"beginning", TO(THAWING) | TO(DONE) | TO(UNDOING) | TO(FAILED)},
    [B_THAWING] = {"thawing", TO(UNMARKING)},
    [B_UNMARKING] = {"unmarking",
                     TO(BEGINNING) | TO(RETRACTING) | TO(DONE) | TO(UNDOING) | TO(FAILED)},
    [B_RETRACTING] = {"retracting", TO(UNDOING) | TO(FAILED)},
    [B_DONE] = {"done", 0},
    [B_UNDOING] = {"undoing", TO(FAILED)},
    [B_FAILED] = {"failed", 0},
};

/* ---- creating: the targets' images ---- */

/* Makes the file, so that it is ours alone; qemu-img then writes the format into it. */
static int create_file(struct begin_disk *disk, struct err *err)
{
    int fd = open(disk->target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(err, errno, "disk %s: create %s", disk->name, disk->target);
    close(fd);
    disk->created = true;
    return 0;
}

static bool create_next(struct begin *b)
{
    struct begin_disk *disk;
    char size[32];
    const char *argv[] = {"qemu-img", "create", "-q", "-f", NULL, NULL, size, NULL};
    const struct proc_spec spec = {.argv = argv, .timeout_s = CREATE_S};

    if (b->next > 0 && begin_is_bad(b)) {
        err_wrap(&b->err, "disk %s", b->disks.items[b->next - 1].name);
        return false;
    }
    if (b->reuse_external || b->next == b->disks.n)
        return false;
    disk = &b->disks.items[b->next++];
    if (create_file(disk, &b->err) < 0)
        return false;
    argv[4] = disk->format;
    argv[5] = disk->target;
    snprintf(size, sizeof(size), "%" PRIu64, disk->source->facts.capacity);
    task_run(&b->task, &spec);
    return true;
}

/* ---- attaching: the targets' nodes, two a disk ---- */

static bool attach_next(struct begin *b)
{
    struct begin_disk *disk;

    if (b->next > 0) {
        disk = &b->disks.items[(b->next - 1) / 2];
        if (begin_is_bad(b)) {
            err_wrap(&b->err, "disk %s: open %s", disk->name, disk->target);
            return false;
        }
        *(b->next % 2 ? &disk->file_added : &disk->format_added) = true;
    }
    if (b->next == b->disks.n * 2)
        return false;
    disk = &b->disks.items[b->next / 2];
    if (b->next++ % 2 == 0)
        task_call(&b->task, command_add_file(disk->file_node, disk->target, disk->is_device));
    else
        task_call(&b->task, command_add_format(disk->format_node, disk->file_node, disk->format));
    return true;
}

/* ---- beginning ---- */

static struct command transaction(const struct begin *b)
{
    json_t *actions = json_array();

    for (size_t i = 0; i < b->disks.n; i++)
        if (b->disks.items[i].track)
            json_array_append_new(actions,
                                  action_bitmap_add(b->disks.items[i].source->node, b->checkpoint));
    for (size_t i = 0; i < b->disks.n; i++) {
        const struct begin_disk *disk = &b->disks.items[i];
        CLEANUP_FREE char *id = job_id(b->tag, i, disk->name);

        json_array_append_new(actions, action_backup(id, disk->source->node, disk->format_node,
                                                     disk->base, b->bandwidth));
    }
    return command_transaction(actions);
}

/* Did QEMU answer at all? Its refusal means that nothing has happened. */
static bool may_have_begun(const struct begin *b)
{
    return b->err.code != ERR_NONE &&
           (b->err.code == ERR_TIMEOUT || !connection_is_up(b->task.domain));
}

/* ---- the machine ---- */

static void enter(struct begin *b, enum begin_state state)
{
    fsm_move(&b->fsm, (int)state);
    b->next = 0;
    b->task.wait_err = ERR_INIT;
}

static bool start(struct begin *b)
{
    const struct domain *d = b->task.domain;

    if (!connection_is_up(d))
        connection_error(d, &b->err);
    /* The place for a second kind of connection: to a qemu-storage-daemon on the domain's images.
     */
    if (!connection_is_up(d) && d->down_state == DOMAIN_SHUTOFF)
        b->err.code = ERR_UNSUPPORTED;
    if (begin_is_bad(b)) {
        enter(b, B_FAILED);
        return false;
    }
    enter(b, B_LOOKING);
    look_start(&b->look, &b->task, VIEW_ALL);
    return true;
}

static bool look(struct begin *b)
{
    enum look_result result = look_step(&b->look, &b->task, &b->err);

    if (result == LOOK_WAITING)
        return true;
    if (result == LOOK_FAILED || begin_check_domain(b, &b->err) < 0 || begin_is_bad(b))
        enter(b, B_FAILED);
    else
        enter(b, B_CREATING);
    return false;
}

static void start_transaction(struct begin *b)
{
    enter(b, B_BEGINNING);
    b->asked = true;
    task_call(&b->task, transaction(b));
}

static void attached(struct begin *b)
{
    if (!begin_is_bad(b) && begin_wants_freeze(b)) {
        enter(b, B_MARKING);
        task_call(&b->task, command_add_mark(FROZEN_MARK));
    } else if (b->err.code != ERR_NONE) {
        enter(b, B_UNDOING);
        task_yield(&b->task);
    } else {
        start_transaction(b);
    }
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
    if (b->err.code == ERR_NONE) {
        start_transaction(b);
        return;
    }
    enter(b, B_UNDOING);
    task_yield(&b->task);
}

static void frozen(struct begin *b)
{
    b->frozen = b->task.wait_err.code == ERR_NONE && !b->task.canceled;
    if (b->frozen) {
        start_transaction(b);
        return;
    }
    begin_quiesce_failed(b, &b->task.wait_err);
    enter(b, B_THAWING);
    begin_thaw(b);
}

/* The transaction has been answered, and nothing is frozen any more. */
static void conclude(struct begin *b)
{
    if (b->err.code != ERR_NONE)
        enter(b, b->uncertain ? B_FAILED : B_UNDOING);
    else if (begin_judge_quiesce(b) < 0)
        enter(b, B_RETRACTING);
    else
        enter(b, B_DONE);
}

/* True: suspended. */
static bool transaction_ended(struct begin *b)
{
    b->err = b->task.wait_err;
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

/* True: suspended. */
static bool unmarked(struct begin *b)
{
    if (b->asked) {
        conclude(b);
        return false;
    }
    b->marked = false;
    if (b->err.code == ERR_NONE) {
        start_transaction(b);
        return true;
    }
    enter(b, B_UNDOING);
    return false;
}

/* The states that wait for one thing after another, and begin with nothing.  True: suspended. */
static bool prepare(struct begin *b)
{
    switch ((enum begin_state)b->fsm.state) {
    case B_START:
        return start(b);
    case B_LOOKING:
        return look(b);
    case B_CREATING:
        if (create_next(b))
            return true;
        enter(b, begin_is_bad(b) ? B_UNDOING : B_ATTACHING);
        return false;
    default: /* B_ATTACHING */
        if (!attach_next(b))
            attached(b);
        return true;
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
        case B_ATTACHING:
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
            if (transaction_ended(b))
                return;
            continue;
        case B_THAWING:
            thawed(b);
            return;
        case B_UNMARKING:
            if (unmarked(b))
                return;
            continue;
        case B_RETRACTING:
            if (begin_retract_next(b))
                return;
            enter(b, B_UNDOING);
            continue;
        case B_UNDOING:
            if (begin_undo_next(b))
                return;
            enter(b, B_FAILED);
            continue;
        case B_DONE:
            if (b->ret)
                *b->ret = b->begun;
            task_finish(t, NULL);
            return;
        case B_FAILED:
            task_finish(t, &b->err);
            return;
        }
    }
}

static void begin_release(struct task *t)
{
    struct begin *b = (struct begin *)t;

    for (size_t i = 0; i < b->disks.n; i++) {
        free(b->disks.items[i].name);
        free(b->disks.items[i].base);
        free(b->disks.items[i].target);
        free(b->disks.items[i].format);
    }
    free(b->disks.items);
    free(b->checkpoint);
    ev_timer_stop(b->task.domain->owner->loop, &b->hold);
    look_done(&b->look);
    reap_done(&b->retract);
    free(b);
}

static struct begin *begin_new(const struct backup_request *r)
{
    struct begin *b = xcalloc(1, sizeof(*b));

    snprintf(b->tag, sizeof(b->tag), "%s", r->tag);
    b->checkpoint = xstrdup(r->checkpoint);
    b->quiesce = r->quiesce;
    b->reuse_external = r->reuse_external;
    b->bandwidth = r->bandwidth;
    b->fsm = (struct fsm){.states = states, .state = B_START};
    for (size_t i = 0; i < r->n_disks; i++) {
        struct begin_disk *disk = VEC_ADD(&b->disks);

        disk->name = xstrdup(r->disks[i].name);
        disk->base = xstrdup(r->disks[i].base);
        disk->target = xstrdup(r->disks[i].place.path);
        disk->format = xstrdup(r->disks[i].format);
        disk->track = r->disks[i].track;
        node_name_file(disk->file_node, r->tag, i);
        node_name_format(disk->format_node, r->tag, i);
    }
    return b;
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
    b = begin_new(request);
    b->ret = ret;
    return task_start(d, &b->task, &kind, done, ctx);
}

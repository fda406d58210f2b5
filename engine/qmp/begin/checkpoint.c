/* SPDX-License-Identifier: MIT
 *
 * Checkpoints without a backup.  A checkpoint is one persistent bitmap on each of its disks, of
 * its name or of the disk's own (base/names.h); all bitmaps keep recording, so that one goes
 * without a trace in the others.
 */
#include "engine/qmp/begin/checkpoint.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "engine/backup_check.h"
#include "engine/qmp/begin/checkpoint_quiesce.h"
#include "engine/qmp/begin/image_checkpoint.h"
#include "engine/qmp/look/look.h"

struct checkpoint_task {
    struct task task; /* first */
    struct look look;
    char *name;
    bool create;
    bool quiesce; /* create: with the guest's file systems frozen */
    struct checkpoint_quiesce frozen;
    struct strlist disks; /* create: where */
    size_t next, bitmap;  /* delete: which of the view's disks, and which bitmap of it is next */
    bool looked, asked;
    struct image_checkpoint offline; /* when the domain is shut off */
};

static int create(struct checkpoint_task *c, struct err *err)
{
    json_t *actions = json_array();

    for (size_t i = 0; i < c->disks.n; i++) {
        const struct view_disk *disk = view_find_disk(&c->look.view, c->disks.items[i]);
        CLEANUP_FREE char *bitmap = NULL;
        int rc = disk ? backup_check_track(&disk->facts, c->name, err)
                      : err_set(err, ERR_NOTFOUND, "no disk '%s'", c->disks.items[i]);

        if (rc < 0) {
            json_decref(actions);
            return -1;
        }
        bitmap = domain_bitmap(c->task.domain, c->name, c->disks.items[i]);
        json_array_append_new(actions, action_bitmap_add(disk->node, bitmap));
    }
    task_call(&c->task, command_transaction(actions));
    return 0;
}

bool checkpoint_has(const char *checkpoint, const struct bitmap_facts *bitmap)
{
    CLEANUP_FREE char *of = bitmap_checkpoint(bitmap->name);

    return strcmp(of, checkpoint) == 0;
}

/* Removes the next bitmap of it, whichever disk has it.  False: none is left. */
static bool remove_next(struct checkpoint_task *c)
{
    const struct view *v = &c->look.view;

    for (; c->next < v->disks.n; c->next++, c->bitmap = 0) {
        const struct view_disk *disk = &v->disks.items[c->next];

        while (c->bitmap < disk->facts.bitmaps.n) {
            const struct bitmap_facts *bitmap = &disk->facts.bitmaps.items[c->bitmap++];

            if (!checkpoint_has(c->name, bitmap))
                continue;
            c->asked = true;
            task_call(&c->task, command_bitmap_remove(disk->node, bitmap->name));
            return true;
        }
    }
    return false;
}

/* The bitmap that the last command was about is known to exist: QEMU's refusal means it is in use.
 */
static int removed(struct checkpoint_task *c, struct err *err)
{
    const struct task *t = &c->task;

    if (!c->asked || t->wait_err.code == ERR_NONE)
        return 0;
    *err = t->wait_err;
    if (err->code == ERR_REMOTE && connection_is_up(t->domain))
        err->code = ERR_BUSY;
    return err_wrap(err, "disk %s: remove checkpoint '%s'",
                    c->look.view.disks.items[c->next].facts.name, c->name);
}

/* True: suspended. */
static bool go_on(struct checkpoint_task *c, struct err *err)
{
    struct task *t = &c->task;
    enum look_result result;

    if (!c->look.n) {
        look_start(&c->look, t, VIEW_ALL);
        return true;
    }
    if (!c->looked) {
        result = look_step(&c->look, t, err);
        if (result != LOOK_DONE)
            return result == LOOK_WAITING;
        c->looked = true;
        if (c->quiesce)
            return checkpoint_quiesce_start(&c->frozen, t, &c->look.view, err) == 0;
        if (c->create)
            return create(c, err) == 0;
    } else if (c->create) {
        *err = t->wait_err;
        return false;
    }
    return removed(c, err) == 0 && remove_next(c);
}

/* Between mark and unmark, whatever happens to the connection.  True: suspended. */
static bool go_on_frozen(struct checkpoint_task *c, struct err *err)
{
    bool make;

    if (!checkpoint_quiesce_step(&c->frozen, &c->task, &make)) {
        *err = c->frozen.err;
        return false;
    }
    if (make && create(c, err) < 0) {
        checkpoint_quiesce_failed(&c->frozen, &c->task, err);
        *err = ERR_INIT;
    }
    return true;
}

static bool is_offline(const struct checkpoint_task *c)
{
    const struct domain *d = c->task.domain;

    return c->offline.started || (domain_has_images_only(d) && !c->look.n);
}

static void checkpoint_step(struct task *t)
{
    struct checkpoint_task *c = (struct checkpoint_task *)t;
    struct err err = ERR_INIT;

    if (c->frozen.step) {
        if (go_on_frozen(c, &err))
            return;
    } else if (t->canceled && !c->looked && !c->offline.listed)
        err_set(&err, ERR_CANCELED, "cancelled");
    else if (is_offline(c) && c->quiesce)
        err_set(&err, ERR_UNSUPPORTED, "quiesce the guest: the guest does not run");
    else if (is_offline(c)) {
        if (image_checkpoint_step(&c->offline, t, c->name, c->create ? &c->disks : NULL, &err))
            return;
    } else if (!connection_is_up(t->domain))
        connection_error(t->domain, &err);
    else if (go_on(c, &err))
        return;
    task_finish(t, err.code != ERR_NONE ? &err : NULL);
}

static void checkpoint_release(struct task *t)
{
    struct checkpoint_task *c = (struct checkpoint_task *)t;

    look_done(&c->look);
    image_checkpoint_done(&c->offline);
    checkpoint_quiesce_done(&c->frozen);
    strlist_done(&c->disks);
    free(c->name);
    free(c);
}

static const struct task_kind kind = {checkpoint_step, checkpoint_release};

struct op *checkpoint_create_start(struct domain *d, const char *name, const struct strlist *disks,
                                   bool quiesce, op_done done, void *ctx, struct err *err)
{
    struct checkpoint_task *c;

    if (!name_is_checkpoint(name)) {
        err_set(err, ERR_INVALID, "'%s' is no name for a checkpoint", name);
        return NULL;
    }
    if (disks->n == 0) {
        err_set(err, ERR_INVALID, "checkpoint '%s': no disks are named", name);
        return NULL;
    }
    c = xcalloc(1, sizeof(*c));
    c->create = true;
    c->quiesce = quiesce;
    c->name = xstrdup(name);
    c->disks = strlist_copy(disks);
    return task_start(d, &c->task, &kind, done, ctx);
}

struct op *checkpoint_delete_start(struct domain *d, const char *name, op_done done, void *ctx)
{
    struct checkpoint_task *c = xcalloc(1, sizeof(*c));

    c->name = xstrdup(name);
    return task_start(d, &c->task, &kind, done, ctx);
}

/* SPDX-License-Identifier: MIT
 *
 * Sounding: which clusters of a disk hold data, so that a guest-safe full copies those and nothing
 * else.
 *
 * blockdev-backup asks for every MiB of the disk whether it reads as zeroes, and writes to the
 * target that it does: seconds, and 128 MiB of tables, for an empty TiB.  Its sync=top does better,
 * but of a snapshot QEMU does not tell what is allocated.  So a bitmap is made, of the disk as it
 * is just before the instant:
 *
 *        gate  <- bitmap: what is written from now on, and in the end all that holds data
 *          |
 *         top <-- peek (raw, read-only)  --job-->  dud (blkdebug)  -->  target
 *                  `- bitmap: what the job has not copied
 *
 * A backup with sync=top and bitmap-mode=always finds out which clusters are allocated, and when it
 * fails, it leaves what it has not copied in the bitmap.  Its target, the dud, refuses everything,
 * so that is all of them; a look that breaks off halfway leaves more than there is, never less.
 * The guest's writes do not come by the peek: the job does not make them wait, and cannot fail
 * them; that it may be put there while the guest writes is what force-share is for.  They come by
 * the gate, whose bitmap was there before the look.  What holds data at the instant did so when it
 * was looked at, or was written since: it is in one of the two bitmaps, which become one.
 *
 * Images on backing files are looked at layer by layer.  Only with qcow2 images does it help: of a
 * raw one all is allocated; and only an empty qcow2 target reads as zeroes where nothing is
 * written.  Where anything of this fails the disk is copied whole, as without it.
 *
 * The job is called as the copy will be, so whoever finds it after a crash ends it; QEMU forgets it
 * by itself, so nobody ever takes its end for the copy's.
 */
#include "base/log.h"
#include "base/text.h"
#include "engine/qmp/begin/begin.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ASK_FIRST_S 0.01
#define ASK_LAST_S 0.5
#define LIMIT_S 300.0 /* all that is read are the images' tables */

enum sound_step {
    SOUND_NEXT,
    SOUND_STARTING,
    SOUND_ASKING, /* whether the job is over */
    SOUND_SLEEPING,
    SOUND_ENDING,
    SOUND_GIVING_UP,
};

static bool is_wanted(const struct begin *b, const struct begin_disk *disk)
{
    return begin_shields(b, disk) && !disk->base && disk->source->layers.n > 0 &&
           begin_target_is_empty(b, disk);
}

struct names {
    char gate[NODE_NAME_MAX], peek[NODE_NAME_MAX], dud[NODE_NAME_MAX], target[NODE_NAME_MAX];
};

static struct names names_of(const struct begin *b)
{
    struct names n = {0};

    node_name(n.gate, b->tag, b->sound.disk, NODE_GATE);
    node_name(n.peek, b->tag, b->sound.disk, NODE_PEEK);
    node_name(n.dud, b->tag, b->sound.disk, NODE_DUD);
    node_name(n.target, b->tag, b->sound.disk, NODE_TARGET);
    return n;
}

static void go(struct begin *b, enum sound_step step)
{
    b->sound.step = (int)step;
    b->next = 0;
    b->task.wait_err = ERR_INIT;
    begin_steps_clear(b);
}

static void add_bitmap(struct begin *b, const struct begin_disk *disk, const char *node)
{
    json_t *actions = json_array();

    json_array_append_new(actions, action_bitmap_add_recording(node, DATA_BITMAP));
    begin_step_add(b, disk, command_transaction(actions), "sound", node);
}

static void list_start(struct begin *b, const struct begin_disk *disk)
{
    const char *layer = disk->source->layers.items[b->sound.layer];
    CLEANUP_FREE char *id = job_id(b->tag, b->sound.disk, disk->name);
    const struct names n = names_of(b);

    if (b->sound.layer == 0) {
        add_bitmap(b, disk, n.gate);
        begin_step_add(b, disk, command_add_dud(n.dud, n.target), "sound", n.target);
    }
    begin_step_add(b, disk, command_open_image(n.peek, "raw", "file", layer), "sound", layer);
    add_bitmap(b, disk, n.peek);
    begin_step_add(b, disk, command_sound(id, n.peek, n.dud, DATA_BITMAP), "sound", layer);
}

static void list_end(struct begin *b, const struct begin_disk *disk)
{
    const struct names n = names_of(b);
    json_t *actions = json_array();

    json_array_append_new(actions, action_bitmap_merge(n.gate, DATA_BITMAP, n.peek, DATA_BITMAP));
    begin_step_add(b, disk, command_transaction(actions), "sound", n.peek);
    begin_step_add(b, disk, command_del_node(n.peek), "sound", n.peek);
    if (b->sound.layer + 1 == disk->source->layers.n)
        begin_step_add(b, disk, command_del_node(n.dud), "sound", n.dud);
}

/* The next layer that is to be looked at.  False: there is none. */
static bool find_next(struct begin *b)
{
    for (; b->sound.disk < b->disks.n; b->sound.disk++, b->sound.layer = 0)
        if (is_wanted(b, &b->disks.items[b->sound.disk]) &&
            b->sound.layer < b->disks.items[b->sound.disk].source->layers.n)
            return true;
    return false;
}

static bool job_is_there(const struct begin *b, const struct begin_disk *disk)
{
    CLEANUP_FREE char *id = job_id(b->tag, b->sound.disk, disk->name);
    json_t *job;
    size_t i;

    json_array_foreach(b->task.reply, i, job)
        if (str_eq(json_string_value(json_object_get(job, "id")), id))
            return true;
    return false;
}

static void start_asking(struct begin *b)
{
    b->sound.step = SOUND_ASKING;
    task_call(&b->task, command_plain("query-jobs"));
}

/* True: suspended. */
static bool asked(struct begin *b, const struct begin_disk *disk)
{
    double now = ev_now(b->task.domain->owner->loop);

    if (begin_is_bad(b))
        return false;
    if (!job_is_there(b, disk)) {
        go(b, SOUND_ENDING);
        list_end(b, disk);
        return false;
    }
    if (now > b->sound.deadline) {
        err_set(&b->err, ERR_TIMEOUT,
                "disk %s: QEMU did not find out within %.0f s what the image holds", disk->name,
                LIMIT_S);
        return false;
    }
    b->sound.step = SOUND_SLEEPING;
    task_sleep(&b->task, b->sound.pause);
    b->sound.pause = b->sound.pause * 2 < ASK_LAST_S ? b->sound.pause * 2 : ASK_LAST_S;
    return true;
}

/* Its nodes go, and the disk is copied whole. */
static void give_up(struct begin *b, const struct begin_disk *disk)
{
    const struct names n = names_of(b);

    log_debug("qmp: %s: %s is copied whole: %s", b->task.domain->name, disk->name, b->err.msg);
    b->err = ERR_INIT;
    go(b, SOUND_GIVING_UP);
    begin_step_add(b, disk, command_del_node(n.peek), "sound", n.peek);
    begin_step_add(b, disk, command_del_node(n.dud), "sound", n.dud);
}

/* A list is through, or broke off. */
static void listed(struct begin *b, struct begin_disk *disk)
{
    if (b->err.code != ERR_NONE) {
        if (!b->task.canceled && connection_is_up(b->task.domain))
            give_up(b, disk);
        return;
    }
    if (b->sound.step == SOUND_STARTING) {
        b->sound.pause = ASK_FIRST_S;
        b->sound.deadline = ev_now(b->task.domain->owner->loop) + LIMIT_S;
        start_asking(b);
        return;
    }
    b->sound.layer++;
    disk->sounded = b->sound.layer == disk->source->layers.n;
    go(b, SOUND_NEXT);
}

bool begin_sound_next(struct begin *b)
{
    while (b->err.code == ERR_NONE && find_next(b)) {
        struct begin_disk *disk = &b->disks.items[b->sound.disk];

        switch ((enum sound_step)b->sound.step) {
        case SOUND_NEXT:
            go(b, SOUND_STARTING);
            list_start(b, disk);
            continue;
        case SOUND_STARTING:
        case SOUND_ENDING:
            if (begin_send_next(b))
                return true;
            listed(b, disk);
            if (b->sound.step == SOUND_ASKING)
                return true;
            continue;
        case SOUND_ASKING:
            if (asked(b, disk))
                return true;
            continue;
        case SOUND_SLEEPING:
            start_asking(b);
            return true;
        case SOUND_GIVING_UP:
            b->task.wait_err = ERR_INIT; /* some of it was not there */
            if (begin_send_next(b))
                return true;
            b->sound.disk++;
            b->sound.layer = 0;
            go(b, SOUND_NEXT);
            continue;
        }
    }
    return false;
}

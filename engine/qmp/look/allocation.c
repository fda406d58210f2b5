/* SPDX-License-Identifier: MIT
 *
 * Holds disks against what they were, see engine/allocation.h.
 *
 * vmkeep-allocation reads the images beside QEMU, which takes two things first (QEMU 7.2):
 * - what QEMU has changed in an image's tables may be in its memory alone, for as long as the guest
 *   does not flush.  So QEMU is told to flush; and because it does that in its main loop, with the
 *   guest's device emulation waiting, all that the kernel holds of the file is written out before.
 * - a bitmap's content is in QEMU's memory, and no command tells it.  It is merged into a bitmap of
 *   a scratch image, which is nothing but memory of ours that QEMU is handed a descriptor of, and
 *   that is closed.  It is asked only where there is something to compare, and after the map, so
 *   that what the guest does in between is in it.
 * Of a domain that is shut off, both are in its images.
 */
#include "engine/qmp/look/allocation.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/allocation_program.h"
#include "engine/qmp/look/look.h"
#include "engine/qmp/state/ids.h"

#define SYNC_S 60.0
#define FORMAT_S 30.0
#define COMPARE_S 120.0
#define MAP_MAX ((size_t)64 << 20)
#define BITMAP "changed"

enum step {
    LOOKING,
    BETWEEN,  /* two disks */
    SYNCING,  /* the kernel's part */
    FLUSHING, /* QEMU's */
    MAPPING,
    FORMATTING, /* the scratch image */
    PASSING,
    OPENING,
    LETTING_GO, /* of what was passed: the image has it open */
    MERGING,
    CLOSING,
    COMPARING, /* mapping once more, with the bitmap */
};

struct compare {
    struct task task; /* first */
    struct look look;
    char *tag;
    struct allocation *items;
    size_t n, at;
    enum step step;
    bool still;        /* the domain is shut off */
    char *tree;        /* the disk's image, for vmkeep-allocation */
    int was, fd;       /* memory: of the map that is given; what a program writes to; -1: none */
    json_int_t fdset;  /* QEMU's number of it */
    struct err failed; /* why the bitmap could not be had */
};

static struct allocation *current(const struct compare *c)
{
    return &c->items[c->at];
}

static const struct view_disk *its_disk(const struct compare *c)
{
    return view_find_disk(&c->look.view, current(c)->disk);
}

static void to_next(struct compare *c)
{
    free(TAKE_PTR(c->tree));
    c->failed = ERR_INIT;
    c->step = BETWEEN;
    c->at++;
}

/* ---- what the image is ---- */

/* Of a domain that is shut off; NULL: the configuration has no such disk. */
static char *still_tree(const struct compare *c)
{
    const struct domain *d = c->task.domain;

    for (size_t i = 0; i < d->n_disks; i++) {
        json_t *json;
        char *text, *ret;

        if (strcmp(d->disks[i].name, current(c)->disk) != 0)
            continue;
        json = json_pack("{s:s, s:b, s:{s:s, s:s}}", "driver", d->disks[i].format, "force-share", 1,
                         "file", "driver", "file", "filename", d->disks[i].image);
        text = json ? json_dumps(json, JSON_COMPACT) : NULL;
        ret = text ? xasprintf("json:%s", text) : NULL;
        free(text);
        json_decref(json);
        return ret;
    }
    return NULL;
}

/* False: nothing can be told of it, and the answer says so. */
static bool find_tree(struct compare *c)
{
    const struct view_disk *disk = c->still ? NULL : its_disk(c);

    if (c->still)
        c->tree = still_tree(c);
    else if (disk)
        c->tree = xstrdup(disk->tree);
    if (!c->tree)
        current(c)->unknown =
            xstrdup(disk && disk->no_tree ? disk->no_tree : "there is no such disk");
    return c->tree != NULL;
}

/* ---- the program ---- */

static void run_program(struct compare *c, const char *changed, const char *bitmap)
{
    const struct allocation *a = current(c);
    CLEANUP_FREE char *program = proc_program_path("vmkeep-allocation");
    CLEANUP_FREE char *then = a->was_map ? memory_path(c->was) : xstrdup(a->was_image);
    CLEANUP_FREE char *output = memory_path(c->fd);
    const char *argv[14] = {program};
    const struct proc_spec spec = {.argv = argv, .timeout_s = COMPARE_S};
    size_t n = 1;

    if (!a->bitmap) {
        argv[n++] = "--output";
        argv[n++] = output;
    } else {
        argv[n++] = "--limit=" RANGES_SHOWN;
        argv[n++] = a->was_map ? "--was-map" : "--was";
        argv[n++] = then;
    }
    if (a->bitmap && a->was_key) {
        argv[n++] = "--was-key";
        argv[n++] = a->was_key;
    }
    if (changed) {
        argv[n++] = "--changed";
        argv[n++] = changed;
        argv[n++] = "--bitmap";
        argv[n++] = bitmap;
    }
    argv[n] = c->tree;
    c->step = changed ? COMPARING : MAPPING;
    task_run(&c->task, &spec);
}

static int keep_map(struct compare *c, struct err *err)
{
    CLEANUP_FREE char *path = memory_path(c->fd);

    return read_file(path, MAP_MAX, &current(c)->map, NULL, err);
}

/* ---- its bitmap, out of QEMU ---- */

static void start_formatting(struct compare *c)
{
    CLEANUP_FREE char *path = memory_path(c->fd), *size = NULL;
    const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", path, NULL, NULL};
    const struct proc_spec spec = {.argv = argv, .timeout_s = FORMAT_S};

    argv[6] = size = xasprintf("%llu", (unsigned long long)its_disk(c)->facts.capacity);
    c->step = FORMATTING;
    task_run(&c->task, &spec);
}

static void scratch_node(const struct compare *c, char ret[NODE_NAME_MAX])
{
    node_name(ret, c->tag, 0, NODE_SINK);
}

static void start_opening(struct compare *c)
{
    char node[NODE_NAME_MAX];

    scratch_node(c, node);
    c->step = OPENING;
    task_call(&c->task, command_add_scratch(node, c->fdset));
}

static void start_merging(struct compare *c)
{
    json_t *actions = json_array();
    char node[NODE_NAME_MAX];

    scratch_node(c, node);
    json_array_append_new(actions, action_bitmap_add_stored(node, BITMAP));
    json_array_append_new(actions,
                          action_bitmap_merge(node, BITMAP, its_disk(c)->node, current(c)->bitmap));
    c->step = MERGING;
    task_call(&c->task, command_transaction(actions));
}

static void start_closing(struct compare *c)
{
    char node[NODE_NAME_MAX];

    scratch_node(c, node);
    c->step = CLOSING;
    task_call(&c->task, command_del_node(node));
}

/* ---- from step to step; each function suspends, or ends the disk ---- */

static void doubt(struct compare *c, const struct err *why)
{
    current(c)->contradiction = xasprintf("it could not be held against what it was: %s", why->msg);
    to_next(c);
}

static void start_mapping(struct compare *c)
{
    const struct allocation *a = current(c);
    struct err err = ERR_INIT;

    if (new_memory(&c->fd, &err) < 0 || (a->was_map && fill_memory(&c->was, a->was_map, &err) < 0))
        doubt(c, &err);
    else if (c->still && a->bitmap)
        run_program(c, c->tree, a->bitmap);
    else
        run_program(c, NULL, NULL);
}

/* The human monitor answers in words, where something went wrong. */
static void flushed(struct compare *c)
{
    const char *said = json_string_value(c->task.reply);
    struct err err = ERR_INIT;

    if (!said || !*said) {
        start_mapping(c);
        return;
    }
    err_set(&err, ERR_REMOTE, "QEMU could not flush it: %.*s", (int)strcspn(said, "\r\n"), said);
    doubt(c, &err);
}

static void start_disk(struct compare *c)
{
    const struct view_disk *disk = c->still ? NULL : its_disk(c);
    const char *image = disk ? disk->facts.image : NULL;
    const char *argv[] = {"sync", "--data", image, NULL};
    const struct proc_spec spec = {.argv = argv, .timeout_s = SYNC_S};

    if (!find_tree(c)) {
        to_next(c);
    } else if (c->still) {
        start_mapping(c);
    } else if (image) {
        c->step = SYNCING;
        task_run(&c->task, &spec);
    } else {
        c->step = FLUSHING;
        task_call(&c->task, command_flush(disk->node));
    }
}

static void mapped(struct compare *c)
{
    struct allocation *a = current(c);
    struct err err = ERR_INIT;

    if (!a->bitmap) {
        if (keep_map(c, &err) < 0)
            doubt(c, &err);
        else
            to_next(c);
        return;
    }
    a->contradiction = ranges_contradicting(c->task.output);
    if (!a->contradiction || c->step == COMPARING) {
        to_next(c);
        return;
    }
    free(TAKE_PTR(a->contradiction)); /* unless it is in the bitmap */
    if (new_memory(&c->fd, &err) < 0)
        doubt(c, &err);
    else
        start_formatting(c);
}

/* QEMU has the bitmap's copy no longer open. */
static void closed(struct compare *c)
{
    CLEANUP_FREE char *path = memory_path(c->fd);

    if (c->failed.code != ERR_NONE)
        doubt(c, &c->failed);
    else
        run_program(c, path, BITMAP);
}

static void passed(struct compare *c)
{
    if (json_unpack(c->task.reply, "{s:I}", "fdset-id", &c->fdset) < 0) {
        err_set(&c->failed, ERR_PROTOCOL, "add-fd: no number came");
        doubt(c, &c->failed);
    } else {
        start_opening(c);
    }
}

/* What went wrong ends the disk, but what QEMU has open is closed before. */
static void failed(struct compare *c)
{
    const struct err why = c->task.wait_err;

    if (c->failed.code == ERR_NONE)
        c->failed = why;
    if (c->step == OPENING) {
        c->step = LETTING_GO;
        task_call(&c->task, command_remove_fd(c->fdset));
    } else if (c->step == LETTING_GO || c->step == MERGING) {
        start_closing(c);
    } else {
        doubt(c, &c->failed);
    }
}

static void go_on(struct compare *c)
{
    switch (c->step) {
    case LOOKING:
    case BETWEEN:
        return;
    case SYNCING:
        c->step = FLUSHING;
        task_call(&c->task, command_flush(its_disk(c)->node));
        return;
    case FLUSHING:
        flushed(c);
        return;
    case MAPPING:
    case COMPARING:
        mapped(c);
        return;
    case FORMATTING:
        c->step = PASSING;
        task_call(&c->task, command_add_fd(c->fd));
        return;
    case PASSING:
        passed(c);
        return;
    case OPENING:
        c->step = LETTING_GO;
        task_call(&c->task, command_remove_fd(c->fdset));
        return;
    case LETTING_GO:
        if (c->failed.code != ERR_NONE)
            doubt(c, &c->failed);
        else
            start_merging(c);
        return;
    case MERGING:
        start_closing(c);
        return;
    case CLOSING:
        closed(c);
        return;
    }
}

/* ---- the task ---- */

/* True: the disks' turn has come. */
static bool look(struct compare *c, struct err *err)
{
    struct task *t = &c->task;
    enum look_result result;

    c->still = !c->look.n && domain_has_images_only(t->domain);
    if (c->still)
        return true;
    if (!c->look.n && !connection_is_up(t->domain)) {
        connection_error(t->domain, err);
    } else if (!c->look.n) {
        look_start(&c->look, t, VIEW_ALL);
    } else {
        result = look_step(&c->look, t, err);
        return result == LOOK_DONE;
    }
    return false;
}

static void compare_step(struct task *t)
{
    struct compare *c = (struct compare *)t;
    struct err err = ERR_INIT;

    if (c->step == LOOKING) {
        if (look(c, &err))
            c->step = BETWEEN;
    } else if (t->wait_err.code != ERR_NONE) {
        failed(c);
    } else {
        go_on(c);
    }
    while (c->step == BETWEEN && c->at < c->n && err.code == ERR_NONE) {
        if (t->canceled)
            err_set(&err, ERR_CANCELED, "cancelled");
        else if (!c->still && !connection_is_up(t->domain))
            connection_error(t->domain, &err);
        else
            start_disk(c);
    }
    if (err.code != ERR_NONE || (c->step == BETWEEN && c->at == c->n))
        task_finish(t, err.code != ERR_NONE ? &err : NULL);
}

static void compare_release(struct task *t)
{
    struct compare *c = (struct compare *)t;

    look_done(&c->look);
    if (c->fd >= 0)
        close(c->fd);
    if (c->was >= 0)
        close(c->was);
    free(c->tree);
    free(c->tag);
    free(c);
}

struct op *allocation_start(struct domain *d, const char *tag, struct allocation *items, size_t n,
                            op_done done, void *ctx)
{
    static const struct task_kind kind = {compare_step, compare_release};
    struct compare *c = xcalloc(1, sizeof(*c));

    c->tag = xstrdup(tag);
    c->items = items;
    c->n = n;
    c->fd = c->was = -1;
    return task_start(d, &c->task, &kind, done, ctx);
}

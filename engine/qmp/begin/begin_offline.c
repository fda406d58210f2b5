/* SPDX-License-Identifier: MIT
 *
 * The beginning of a backup of a domain that does not run, and taking it back; see offline.h.
 *
 * The order matters.  The bitmaps come first, for they are written into the images; then the watch
 * begins; then it is asked whether somebody has the images open.  Whoever opens them later and
 * writes is noticed.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/offline/offline.h"
#include "engine/qmp/offline/session.h"

#define START_S 10.0

static void enter(struct domain *d, enum offline_phase phase)
{
    d->session->phase = phase;
    d->session->next = 0;
}

/* ---- reading ---- */

static void start_reading(struct begin *b)
{
    struct strlist names = {0};

    for (size_t i = 0; i < b->disks.n; i++)
        strlist_add(&names, b->disks.items[i].name);
    b->task.domain->session->started = true;
    images_start(&b->task.domain->session->images, &b->task, &names);
    strlist_done(&names);
}

/* The request's refusals, on what the images say.  The storage daemon will be looked at again. */
static int check_request(struct begin *b)
{
    struct offline *o = b->task.domain->session;
    struct view *v = &b->look.view;
    int rc;

    look_done(&b->look);
    v->status = xstrdup("shutdown");
    for (size_t i = 0; i < o->images.items.n; i++) {
        struct view_disk *disk = VEC_ADD(&v->disks);
        char node[NODE_NAME_MAX];

        offline_node(node, i, false);
        disk->node = xstrdup(node);
        disk->facts = o->images.items.items[i].facts; /* lent */
    }
    rc = begin_check_domain(b, &b->err);
    for (size_t i = 0; i < v->disks.n; i++)
        v->disks.items[i].facts = (struct disk_facts){0};
    look_done(&b->look);
    return rc;
}

/* True: suspended. */
static bool reading(struct begin *b)
{
    struct domain *d = b->task.domain;
    enum look_result result;

    if (!d->session->started) {
        start_reading(b);
        return true;
    }
    result = images_step(&d->session->images, &b->task, &b->err);
    if (result == LOOK_DONE && images_check_free(&d->session->images, &b->err) == 0 &&
        check_request(b) == 0)
        enter(d, OFFLINE_MARKING);
    return result == LOOK_WAITING;
}

/* ---- marking ---- */

static bool mark_next(struct begin *b)
{
    struct offline *o = b->task.domain->session;

    if (o->next > 0 &&
        image_bitmap_ended(&b->task, images_find(&o->images, b->disks.items[o->next - 1].name),
                           &b->err) < 0)
        return false;
    while (o->next < b->disks.n && !b->disks.items[o->next].track)
        o->next++;
    if (o->next == b->disks.n)
        return false;
    strlist_add(&o->marked, b->disks.items[o->next].name);
    image_bitmap_add(&b->task, images_find(&o->images, b->disks.items[o->next].name),
                     b->disks.items[o->next].bitmap);
    o->next++;
    return true;
}

/* ---- watching, connecting ---- */

static void on_written(void *ctx)
{
    struct domain *d = ctx;

    d->owner->tend(d);
}

static int watch(struct domain *d, struct err *err)
{
    struct offline *o = d->session;

    if (image_watch_start(&o->watch, d->owner->loop, on_written, d, err) < 0)
        return -1;
    for (size_t i = 0; i < o->images.items.n; i++) {
        const struct image *image = &o->images.items.items[i];

        for (size_t k = 0; k < image->files.n; k++)
            if (image_watch_add(&o->watch, image->files.items[k], err) < 0)
                return err_wrap(err, "disk %s", image->facts.name);
    }
    return 0;
}

/* True: suspended. */
static bool watching(struct begin *b)
{
    struct domain *d = b->task.domain;
    struct offline *o = d->session;

    enter(d, OFFLINE_WATCHING);
    if (b->err.code != ERR_NONE || b->task.canceled || watch(d, &b->err) < 0)
        return false;
    images_look(&o->images, &b->task);
    return true;
}

/* True: suspended. */
static bool connect_daemon(struct begin *b)
{
    struct domain *d = b->task.domain;
    struct offline *o = d->session;

    enter(d, OFFLINE_CONNECTING);
    if (images_take_files(&o->images, &b->task, &b->err) < 0)
        return false;
    image_watch_is(&o->watch, &o->images.files);
    if (images_check_free(&o->images, &b->err) < 0 || offline_start_daemon(d, &b->err) < 0)
        return false;
    task_sleep(&b->task, START_S);
    return true;
}

static void connected(struct begin *b)
{
    struct domain *d = b->task.domain;

    if (connection_is_up(d)) {
        enter(d, OFFLINE_ATTACHING);
        return;
    }
    b->err = d->session->why;
    if (b->err.code == ERR_NONE)
        err_set(&b->err, ERR_TIMEOUT, "qemu-storage-daemon: no greeting");
    err_wrap(&b->err, "open the images");
}

/* ---- attaching: two nodes an image ---- */

static bool attach_next(struct begin *b)
{
    struct offline *o = b->task.domain->session;
    const struct image *image;
    char file[NODE_NAME_MAX], node[NODE_NAME_MAX];

    if (o->next > 0 && b->task.wait_err.code != ERR_NONE) {
        image = &o->images.items.items[(o->next - 1) / 2];
        b->err = b->task.wait_err;
        err_wrap(&b->err, "disk %s: open %s", image->facts.name, image->path);
        return false;
    }
    if (o->next == o->images.items.n * 2)
        return false;
    image = &o->images.items.items[o->next / 2];
    offline_node(file, o->next / 2, true);
    offline_node(node, o->next / 2, false);
    if (o->next++ % 2 == 0)
        task_call(&b->task, command_open_image(file, "file", "filename", image->path));
    else
        task_call(&b->task, command_open_image(node, image->format, "file", file));
    return true;
}

/* ---- the whole ---- */

/* One phase's work.  True: suspended; false: it has ended, or the phase has. */
static bool work(struct begin *b)
{
    struct domain *d = b->task.domain;

    switch (d->session->phase) {
    case OFFLINE_READING:
        return reading(b);
    case OFFLINE_MARKING:
        return mark_next(b) || watching(b);
    case OFFLINE_WATCHING:
        return connect_daemon(b);
    case OFFLINE_CONNECTING:
        connected(b);
        return false;
    case OFFLINE_ATTACHING:
        if (attach_next(b))
            return true;
        if (b->err.code == ERR_NONE)
            enter(d, OFFLINE_READY);
        return false;
    default:
        return false;
    }
}

/* The domain that was asked for: is it to be backed up by its images?  True: the task has moved. */
static bool take_over(struct begin *b)
{
    struct domain *d = b->task.domain;

    if (offline_of(d)) {
        err_set(&b->err, ERR_BUSY, "backup job %s on the domain's images is still there",
                offline_tag(d));
        return false;
    }
    if (connection_is_up(d) || d->down_state != DOMAIN_SHUTOFF || b->task.canceled)
        return false;
    if (d->n_disks == 0) {
        err_set(&b->err, ERR_UNSUPPORTED,
                "the domain is shut off, and the configuration does not name the images of its "
                "disks (key disks): %s",
                d->down_why.msg);
        return false;
    }
    b->quiesce = QUIESCE_OFF; /* a guest that does not run has nothing to be frozen */
    task_move(&b->task, offline_new(d, b->tag, b->checkpoint));
    return true;
}

bool begin_offline_prepare(struct begin *b)
{
    struct task *t = &b->task;

    if (!t->domain->session)
        return take_over(b);
    while (b->err.code == ERR_NONE && t->domain->session->phase != OFFLINE_READY) {
        if (t->canceled)
            err_set(&b->err, ERR_CANCELED, "cancelled");
        else if (work(b))
            return true;
    }
    t->wait_err = ERR_INIT;
    return false;
}

void begin_offline_explain(struct begin *b)
{
    if (b->task.domain->session && b->err.code == ERR_CORRUPT)
        err_set(&b->err, ERR_BUSY, OFFLINE_TORN);
}

/* A disk whose bitmap cannot be removed (the domain has been started) has one too many: whoever
 * made the request knows its name, and deletes the checkpoint. */
static bool unmark_next(struct begin *b)
{
    CLEANUP_FREE char *bitmap = NULL;
    const struct domain *d = b->task.domain;
    struct offline *o = d->session;

    if (o->next > 0 && b->task.wait_err.code != ERR_NONE)
        log_debug("qmp: %s: take back checkpoint %s: %s", d->name, b->checkpoint,
                  b->task.wait_err.msg);
    if (o->next == o->marked.n)
        return false;
    bitmap = domain_bitmap(d, b->checkpoint, o->marked.items[o->next]);
    image_bitmap_remove(&b->task, images_find(&o->images, o->marked.items[o->next++]), bitmap);
    return true;
}

bool begin_offline_undo(struct begin *b)
{
    struct domain *d = b->task.domain;

    if (!d->session || d->session->phase == OFFLINE_OVER)
        return false;
    if (d->session->phase < OFFLINE_STOPPING)
        enter(d, OFFLINE_STOPPING);
    if (d->session->phase == OFFLINE_STOPPING) {
        if (offline_stop_daemon(&b->task))
            return true;
        enter(d, OFFLINE_UNMARKING);
        image_watch_stop(&d->session->watch);
    }
    if (unmark_next(b))
        return true;
    offline_over(d);
    return false;
}

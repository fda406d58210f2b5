/* SPDX-License-Identifier: MIT
 *
 * Holds disks against what they were, see engine/allocation.h.  Only QEMU knows what its bitmaps
 * hold, and libvirt has it tell that in one way: a backup in pull mode.  So one is begun, without a
 * checkpoint; vmkeep-allocation asks its exports; and it is ended.  All disks are seen as they were
 * at the job's beginning, with their bitmaps as they were then.
 *
 * It is a job of the domain like the others (jobs.h): it is begun, looked after and ended as they
 * are, and so its end is not taken for that of the backup that follows.  After a lost connection it
 * may be left running, and is known by its place (compare_place.c).
 *
 * Of a domain that is shut off, its images are asked (images.h).
 *
 * Where that cannot be had the disk is in doubt, and gets a full: a bitmap that nobody could look
 * at is not to be believed.
 */
#include "engine/libvirt/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/allocation_program.h"
#include "engine/libvirt/begin.h"
#include "engine/libvirt/compare_place.h"
#include "engine/libvirt/images.h"
#include "engine/libvirt/inspect.h"
#include "engine/libvirt/task.h"

#define COMPARE_S 120.0
#define END_S 30.0
#define AGAIN_S 1.0
#define MAP_MAX ((size_t)64 << 20)
#define BITMAP "changed-since"

struct compare {
    struct libvirt_task task; /* first */
    char *tag, *dir, *socket;
    struct allocation *items;
    size_t n, at;
    struct backup_request request;
    VEC(struct backup_disk) disks;
    struct strlist strings; /* of the disks */
    struct domain_facts *facts;
    struct backup_begun told; /* nobody asks */
    char *output;             /* the program's */
    int was, fd;   /* memory: of the map that is given; what the program writes to; -1: none */
    double end_by; /* loop time */
    struct hypervisor *images; /* of a domain that is shut off */
    const char **bitmaps;      /* the items', while it is asked */
    struct err err;            /* the domain cannot be asked */
};

static void next_disk(struct compare *c);

static struct compare *of(struct libvirt_task *t)
{
    return (struct compare *)t;
}

static void finish(struct compare *c)
{
    if (c->dir)
        libvirt_compare_remove(c->task.uuid, c->tag);
    if (c->dir && c->socket)
        unlink(c->socket);
    libvirt_task_finish(&c->task, &c->err);
}

static void doubt(struct allocation *a, const struct err *why)
{
    a->contradiction = xasprintf("it could not be held against what it was: %s", why->msg);
}

static void doubt_all(struct compare *c, const struct err *why)
{
    for (size_t i = 0; i < c->n; i++)
        doubt(&c->items[i], why);
}

/* ---- the end of the job ---- */

static void end(struct libvirt_task *t);

/* Where the connection is lost it comes again, mostly; else what is left is job_forget's. */
static void ended(struct libvirt_task *t)
{
    struct compare *c = of(t);

    if (t->err.code == ERR_REMOTE && ev_now(t->host->loop) < c->end_by) {
        libvirt_task_sleep(t, AGAIN_S, end);
        return;
    }
    if (t->err.code != ERR_NONE) {
        free(TAKE_PTR(c->dir));
        c->err = t->err;
    }
    finish(c);
}

static void end(struct libvirt_task *t)
{
    struct compare *c = of(t);
    const struct hv_job job = {t->domain, c->tag, c->disks.items[0].place.path};

    if (!t->steady)
        c->end_by = ev_now(t->host->loop) + END_S;
    t->steady = true;
    libvirt_task_abort(t, &job, ended);
}

/* ---- one disk after the other ---- */

static void compared(struct libvirt_task *t)
{
    struct compare *c = of(t);
    struct allocation *a = &c->items[c->at++];
    CLEANUP_FREE char *path = memory_path(c->fd);
    struct err err = t->err;

    if (t->canceled)
        c->err = t->err;
    else if (err.code == ERR_NONE && a->bitmap)
        a->contradiction = ranges_contradicting(c->output);
    else if (err.code != ERR_NONE || read_file(path, MAP_MAX, &a->map, NULL, &err) < 0)
        doubt(a, &err);
    next_disk(c);
}

static void run_program(struct compare *c, const struct allocation *a)
{
    CLEANUP_FREE char *program = proc_program_path("vmkeep-allocation");
    CLEANUP_FREE char *then = a->was_map ? memory_path(c->was) : xstrdup(a->was_image);
    CLEANUP_FREE char *output = memory_path(c->fd), *socket = uri_encode(c->socket);
    CLEANUP_FREE char *now =
        xasprintf("nbd+unix:///%s?socket=%s", c->disks.items[c->at].export_name, socket);
    const char *mapping[] = {program, "--output", output, now, NULL};
    const char *limit = "--limit=" RANGES_SHOWN;
    /* A map does not tell what was there. */
    const char *sample = a->was_map ? NULL : "--sample=" SAMPLE;
    const char *comparing[] = {program,
                               limit,
                               a->was_map ? "--was-map" : "--was",
                               then,
                               "--changed",
                               now,
                               "--bitmap",
                               BITMAP,
                               now,
                               sample,
                               a->was_key ? "--was-key" : NULL,
                               a->was_key,
                               NULL};

    libvirt_task_run(
        &c->task,
        &(struct proc_spec){.argv = a->bitmap ? comparing : mapping, .timeout_s = COMPARE_S},
        &c->output, compared);
}

/* True: suspended. */
static bool start_disk(struct compare *c, struct allocation *a)
{
    struct err err = ERR_INIT;

    if (new_memory(&c->fd, &err) < 0 ||
        (a->was_map && fill_memory(&c->was, a->was_map, &err) < 0)) {
        doubt(a, &err);
        return false;
    }
    run_program(c, a);
    return true;
}

static void next_disk(struct compare *c)
{
    if (c->task.canceled && c->err.code == ERR_NONE)
        err_set(&c->err, ERR_CANCELED, "cancelled");
    for (; c->err.code == ERR_NONE && c->at < c->n; c->at++)
        if (start_disk(c, &c->items[c->at]))
            return;
    end(&c->task);
}

/* ---- the beginning of the job ---- */

static bool is_about_the_domain(const struct compare *c, const struct err *err)
{
    return err->code == ERR_BUSY || err->code == ERR_CANCELED || err->code == ERR_TIMEOUT ||
           !peer_is_up(c->task.host->peer, NULL);
}

static void begun(struct libvirt_task *t)
{
    struct compare *c = of(t);
    struct err err = t->err;

    if (err.code == ERR_NONE) {
        next_disk(c);
        return;
    }
    if (is_about_the_domain(c, &err))
        c->err = err;
    else
        doubt_all(c, &err);
    finish(c); /* one that has begun all the same is known by its place, and needs no files */
}

static const char *keep(struct compare *c, char *text)
{
    strlist_add(&c->strings, text);
    free(text);
    return c->strings.items[c->strings.n - 1];
}

/* Libvirt knows a bitmap by its checkpoint. */
static const char *base_of(struct compare *c, const struct allocation *a)
{
    return a->bitmap ? keep(c, bitmap_checkpoint(a->bitmap)) : NULL;
}

static struct op *start_job(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    struct compare *c = of(t);

    return libvirt_backup_begin_known(&t->host->hv, &c->request, TAKE_PTR(c->facts), &c->told, done,
                                      ctx, err);
}

static void begin(struct compare *c)
{
    c->request = (struct backup_request){
        .domain = c->task.domain,
        .tag = c->tag,
        .mode = MODE_PULL,
        .server = {.transport = TRANSPORT_UNIX, .socket = c->socket},
        .quiesce = QUIESCE_OFF,
    };

    for (size_t i = 0; i < c->n; i++)
        *VEC_ADD(&c->disks) = (struct backup_disk){
            .name = c->items[i].disk,
            .base = base_of(c, &c->items[i]),
            .format = "qcow2",
            .place = {.type = PLACE_FILE, .path = keep(c, xasprintf("%s/%zu", c->dir, i))},
            .export_name = keep(c, xasprintf("%zu", i)),
            .export_bitmap = c->items[i].bitmap ? BITMAP : NULL,
        };
    c->request.disks = c->disks.items;
    c->request.n_disks = c->disks.n;
    libvirt_task_op(&c->task, start_job, begun);
}

/* ---- one that is shut off ---- */

static void compared_off(struct libvirt_task *t)
{
    struct compare *c = of(t);

    for (size_t i = 0; i < c->n; i++)
        c->items[i].bitmap = c->bitmaps[i];
    c->err = t->err;
    finish(c);
}

static struct op *start_off(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    struct compare *c = of(t);

    return c->images->ops->allocation(c->images, t->domain, c->tag, c->items, c->n, done, ctx, err);
}

/* Its images are asked, in which a bitmap is called as its checkpoint is. */
static void compare_off(struct compare *c)
{
    struct err err = ERR_INIT;

    c->images = libvirt_images(c->task.host, c->task.domain, c->facts, &err);
    if (!c->images) {
        doubt_all(c, &err);
        finish(c);
        return;
    }
    c->bitmaps = xcalloc(c->n, sizeof(*c->bitmaps));
    for (size_t i = 0; i < c->n; i++) {
        c->bitmaps[i] = c->items[i].bitmap;
        c->items[i].bitmap = base_of(c, &c->items[i]);
    }
    libvirt_task_op(&c->task, start_off, compared_off);
}

/* ---- before ---- */

static void looked(struct libvirt_task *t)
{
    struct compare *c = of(t);
    const struct domain_facts *f = c->facts;
    struct err err = ERR_INIT;

    if (t->err.code != ERR_NONE)
        c->err = t->err;
    else if (f->state == DOMAIN_UNREACHABLE)
        err_set(&c->err, ERR_REMOTE, "%s", f->problem ? f->problem : "unreachable");
    else if (f->job_tag || f->job_place || f->foreign_job)
        err_set(&c->err, ERR_BUSY, "another job holds the domain");
    if (c->err.code != ERR_NONE) {
        finish(c);
        return;
    }
    if (libvirt_images_can(t->host, f)) {
        compare_off(c);
        return;
    }
    c->dir = libvirt_compare_make(t->uuid, c->tag, f->uid, f->gid, &err);
    if (!c->dir) {
        doubt_all(c, &err);
        finish(c);
        return;
    }
    c->socket = libvirt_compare_socket(c->dir, t->domain, f->uid);
    begin(c);
}

static struct op *start_looking(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    return libvirt_inspect_plain(&t->host->hv, t->domain, &of(t)->facts, done, ctx, err);
}

/* Its sockets are not to be reached from here. */
static void first(struct libvirt_task *t)
{
    struct compare *c = of(t);

    if (t->canceled)
        c->err = t->err;
    if (t->canceled || c->n == 0) {
        finish(c);
    } else if (t->host->local) {
        libvirt_task_op(t, start_looking, looked);
    } else {
        for (size_t i = 0; i < c->n; i++)
            c->items[i].unknown = xstrdup("its host is another machine");
        finish(c);
    }
}

static void release(struct libvirt_task *t)
{
    struct compare *c = of(t);

    if (c->fd >= 0)
        close(c->fd);
    if (c->was >= 0)
        close(c->was);
    domain_facts_free(c->facts);
    strlist_done(&c->strings);
    free(c->disks.items);
    free(c->output);
    free(c->socket);
    free(c->dir);
    free(c->bitmaps);
    free(c->tag);
    free(c);
}

struct op *libvirt_allocation(struct hypervisor *hv, const char *domain, const char *tag,
                              struct allocation *items, size_t n, op_done done, void *ctx,
                              struct err *err)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    const struct libvirt_domain *d = libvirt_host_domain(h, domain, err);
    struct compare *c;

    if (!d)
        return NULL;
    c = xcalloc(1, sizeof(*c));
    c->tag = xstrdup(tag);
    c->items = items;
    c->n = n;
    c->fd = c->was = -1;
    return libvirt_task_start(h, &c->task, d, first, release, done, ctx);
}

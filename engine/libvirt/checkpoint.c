/* SPDX-License-Identifier: MIT
 *
 * checkpoint_create, checkpoint_delete, checkpoint_redefine.
 *
 * Libvirt keeps records of a domain's checkpoints, and their bitmaps are in the images; either may
 * be there without the other.  A record without its bitmap (QEMU was killed before it was saved, or
 * the disk was restored) cannot be deleted but as a record.  A bitmap without a record (a transient
 * domain has ended, or the records were removed) is unknown to libvirt: the record is defined
 * again, disk by disk, and deleted with the bitmap.
 *
 * Of a domain that is shut off the bitmaps are made and deleted in its images (images.h), and
 * libvirt's record is defined, or deleted, alone.
 */
#include "engine/libvirt/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/backup_check.h"
#include "engine/libvirt/documents.h"
#include "engine/libvirt/images.h"
#include "engine/libvirt/inspect.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

#define ASK_S 40.0
#define FREEZE_MORE_S 10.0
#define THAW_S 20.0

struct checkpoint_work {
    struct libvirt_task task; /* first */
    char *name;
    struct strlist disks; /* create: where; delete: that may have a bitmap of it */
    size_t next;          /* delete: of the disks */
    bool creates, quiesce, made;
    int64_t created; /* redefine */
    struct domain_facts *facts;
    struct libvirt_count count;
    struct hypervisor *images; /* of a domain that is shut off */
    struct err err;
};

static struct checkpoint_work *of(struct libvirt_task *t)
{
    return (struct checkpoint_work *)t;
}

static void ask(struct checkpoint_work *c, const char *what, const struct record *request,
                struct libvirt_request q, void *count, double timeout_s, libvirt_step next)
{
    libvirt_task_request(&c->task, what, request, q, count ? &libvirt_answer_count : NULL, count,
                         timeout_s, next);
}

/* metadata: libvirt's record alone. */
static void send_delete(struct checkpoint_work *c, bool metadata, libvirt_step next)
{
    ask(c, "checkpoint-delete", &libvirt_request_checkpoint_delete,
        (struct libvirt_request){.checkpoint = c->name, .metadata = metadata}, NULL, ASK_S, next);
}

/* A domain's checkpoint of these disks; redefine: as libvirt's record alone. */
static void send_create(struct checkpoint_work *c, const struct strlist *disks, int64_t created,
                        struct libvirt_request q, libvirt_step next)
{
    CLEANUP_FREE char *xml = libvirt_checkpoint_of(c->name, disks, created);

    q.checkpoint = xml;
    ask(c, "checkpoint-create", &libvirt_request_checkpoint_create, q, NULL, ASK_S, next);
}

static int64_t now_of(const struct checkpoint_work *c)
{
    return (int64_t)ev_now(c->task.host->loop);
}

static void release(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    domain_facts_free(c->facts);
    strlist_done(&c->disks);
    free(c->name);
    free(c);
}

static bool is_off(const struct checkpoint_work *c)
{
    return libvirt_images_can(c->task.host, c->facts);
}

static int check_runs(const struct checkpoint_work *c, struct err *err)
{
    const struct domain_facts *f = c->facts;

    if (f->state == DOMAIN_UNREACHABLE)
        return err_set(err, ERR_REMOTE, "%s", f->problem ? f->problem : "unreachable");
    if (f->state == DOMAIN_SHUTOFF && !is_off(c))
        return err_set(err, ERR_UNSUPPORTED,
                       "the domain is shut off, and libvirt makes and deletes checkpoints only of "
                       "those that run");
    if (f->state == DOMAIN_SHUTOFF && f->problem)
        return err_set(err, f->foreign_job ? ERR_BUSY : ERR_UNSUPPORTED, "%s", f->problem);
    return 0;
}

/* ---- of a domain that is shut off ---- */

/* One that cannot be made now is made by the next backup of the domain that runs. */
static void record_made(struct libvirt_task *t)
{
    if (t->err.code != ERR_NONE)
        log_debug("libvirt: %s: checkpoint %s gets no record now: %s", t->domain, of(t)->name,
                  t->err.msg);
    libvirt_task_finish(t, NULL);
}

static void record_gone(struct libvirt_task *t)
{
    libvirt_task_finish(t, t->err.code == ERR_NOTFOUND ? NULL : &t->err);
}

/* The bitmaps are as they are to be. */
static void off_changed(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->err.code != ERR_NONE) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    t->steady = true;
    if (c->creates)
        send_create(c, &c->disks, now_of(c), (struct libvirt_request){.redefine = true},
                    record_made);
    else
        send_delete(c, true, record_gone);
}

static struct op *off_start(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    struct checkpoint_work *c = of(t);
    const struct hypervisor_ops *ops = c->images->ops;

    if (c->creates)
        return ops->checkpoint_create(c->images, t->domain, c->name, &c->disks, c->quiesce, done,
                                      ctx, err);
    return ops->checkpoint_delete(c->images, t->domain, c->name, done, ctx, err);
}

static void change_off(struct checkpoint_work *c)
{
    struct libvirt_task *t = &c->task;

    c->images = libvirt_images(t->host, t->domain, c->facts, &c->err);
    if (c->images)
        libvirt_task_op(t, off_start, off_changed);
    else
        libvirt_task_finish(t, &c->err);
}

/* ---- create ---- */

static void create_done(struct checkpoint_work *c)
{
    libvirt_task_finish(&c->task, &c->err);
}

static void create_undone(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    /* It is there all the same. */
    if (t->err.code != ERR_NONE)
        c->err.code = ERR_TIMEOUT;
    create_done(c);
}

static void create_thawed(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->err.code != ERR_NONE) {
        libvirt_note_thaw_failed(t->host, t->domain, t->err.msg);
        if (c->err.code == ERR_NONE) {
            c->err = t->err;
            c->err.code = ERR_TIMEOUT;
            err_wrap(&c->err, "the guest's file systems are perhaps still frozen");
        }
    } else {
        libvirt_note_frozen(t->host, t->domain, 0.0);
        if (c->err.code == ERR_NONE && c->count.filesystems == 0)
            err_set(&c->err, ERR_UNSUPPORTED,
                    "quiesce the guest: it took longer than %d s, and the guest was thawed before",
                    FREEZE_S);
    }
    if (c->made && c->err.code != ERR_NONE)
        send_delete(c, false, create_undone);
    else
        create_done(c);
}

static void thaw(struct checkpoint_work *c)
{
    ask(c, "thaw", &libvirt_request_domain, (struct libvirt_request){0}, &c->count, THAW_S,
        create_thawed);
}

static void created(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    c->made = t->err.code == ERR_NONE;
    if (c->err.code == ERR_NONE)
        c->err = t->err;
    if (c->quiesce)
        thaw(c);
    else
        create_done(c);
}

static void create(struct checkpoint_work *c)
{
    send_create(c, &c->disks, 0, (struct libvirt_request){0}, created);
}

static void create_frozen(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    libvirt_note_frozen(t->host, t->domain, ev_now(t->host->loop));
    if (t->err.code == ERR_NONE && !t->canceled) {
        create(c);
        return;
    }
    c->err = t->err;
    if (c->err.code == ERR_NONE)
        err_set(&c->err, ERR_CANCELED, "cancelled");
    err_wrap(&c->err, "quiesce the guest");
    if (t->err.code == ERR_UNSUPPORTED || t->err.code == ERR_NOTFOUND) {
        libvirt_note_frozen(t->host, t->domain, 0.0);
        create_done(c);
    } else {
        thaw(c);
    }
}

static void create_looked(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    c->err = t->err;
    if (c->err.code == ERR_NONE)
        check_runs(c, &c->err);
    if (c->err.code == ERR_NONE && is_off(c) && !t->canceled) {
        change_off(c);
        return;
    }
    for (size_t i = 0; i < c->disks.n && c->err.code == ERR_NONE; i++) {
        const struct disk_facts *d = domain_facts_any(c->facts, c->disks.items[i]);

        if (!d)
            err_set(&c->err, ERR_NOTFOUND, "no disk '%s'", c->disks.items[i]);
        else
            backup_check_track(d, c->name, &c->err);
    }
    if (c->quiesce && c->err.code == ERR_NONE &&
        libvirt_refuse_freeze(t->host, t->domain, &c->err) < 0)
        err_wrap(&c->err, "quiesce the guest");
    if (c->err.code != ERR_NONE || t->canceled) {
        create_done(c);
        return;
    }
    t->steady = true;
    if (c->quiesce)
        ask(c, "freeze", &libvirt_request_freeze, (struct libvirt_request){.limit = FREEZE_S},
            &c->count, FREEZE_S + FREEZE_MORE_S, create_frozen);
    else
        create(c);
}

static void create_first(struct libvirt_task *t)
{
    if (t->canceled)
        libvirt_task_finish(t, &t->err);
    else
        libvirt_task_inspect(t, &of(t)->facts, create_looked);
}

/* ---- delete ---- */

static void delete_next(struct checkpoint_work *c);
static void ghost_deleted(struct libvirt_task *t);

/* The record is gone; are there bitmaps that it did not tell of? */
static void record_deleted(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->err.code != ERR_NONE && t->err.code != ERR_NOTFOUND)
        libvirt_task_finish(t, &t->err);
    else
        delete_next(c);
}

/* The next disk's: the record is defined again, for that disk alone, and deleted. */
static void redefined(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->err.code != ERR_NONE)
        libvirt_task_finish(t, &t->err);
    else
        send_delete(c, false, ghost_deleted);
}

static void delete_next(struct checkpoint_work *c)
{
    CLEANUP(strlist_done) struct strlist one = {0};

    if (c->next == c->disks.n) {
        libvirt_task_finish(&c->task, NULL);
        return;
    }
    strlist_add(&one, c->disks.items[c->next++]);
    send_create(c, &one, now_of(c), (struct libvirt_request){.redefine = true}, redefined);
}

/* ERR_CORRUPT: the disk has no bitmap of it. */
static void ghost_deleted(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->err.code == ERR_CORRUPT)
        send_delete(c, true, record_deleted);
    else
        record_deleted(t);
}

static void deleted(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->err.code == ERR_NONE)
        libvirt_task_finish(t, NULL);
    else if (t->err.code == ERR_CORRUPT) /* on one of its disks at least */
        send_delete(c, true, record_deleted);
    else
        record_deleted(t);
}

static void delete_looked(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    c->err = t->err;
    if (c->err.code == ERR_NONE)
        check_runs(c, &c->err);
    for (size_t i = 0; c->err.code == ERR_NONE && i < c->facts->disks.n; i++)
        if (c->facts->disks.items[i].trackable)
            strlist_add(&c->disks, c->facts->disks.items[i].name);
    if (c->err.code != ERR_NONE || t->canceled) {
        libvirt_task_finish(t, c->err.code != ERR_NONE ? &c->err : &t->err);
        return;
    }
    if (is_off(c))
        change_off(c);
    else
        send_delete(c, false, deleted);
}

static struct op *start_looking(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    return libvirt_inspect_plain(&t->host->hv, t->domain, &of(t)->facts, done, ctx, err);
}

static void delete_first(struct libvirt_task *t)
{
    if (t->canceled)
        libvirt_task_finish(t, &t->err);
    else
        libvirt_task_op(t, start_looking, delete_looked);
}

/* ---- redefine ---- */

static void redefine_done(struct libvirt_task *t)
{
    libvirt_task_finish(t, &t->err);
}

static void redefine_first(struct libvirt_task *t)
{
    struct checkpoint_work *c = of(t);

    if (t->canceled)
        libvirt_task_finish(t, &t->err);
    else
        send_create(c, &c->disks, c->created,
                    (struct libvirt_request){.redefine = true, .validate = true}, redefine_done);
}

/* ---- */

/* what: name, disks and what kind of work it is; copied. */
static struct op *work_start(struct hypervisor *hv, const char *domain,
                             const struct checkpoint_work *what, libvirt_step first, op_done done,
                             void *ctx, struct err *err)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    const struct libvirt_domain *d = libvirt_host_domain(h, domain, err);
    struct checkpoint_work *c;

    if (!d)
        return NULL;
    c = xcalloc(1, sizeof(*c));
    *c = *what;
    c->name = xstrdup(what->name);
    c->disks = strlist_copy(&what->disks);
    return libvirt_task_start(h, &c->task, d, first, release, done, ctx);
}

struct op *libvirt_checkpoint_create(struct hypervisor *hv, const char *domain, const char *name,
                                     const struct strlist *disks, bool quiesce, op_done done,
                                     void *ctx, struct err *err)
{
    const struct checkpoint_work what = {
        .name = (char *)name, .disks = *disks, .creates = true, .quiesce = quiesce};

    if (!name_is_checkpoint(name)) {
        err_set(err, ERR_INVALID, "'%s' is no name for a checkpoint", name);
        return NULL;
    }
    return work_start(hv, domain, &what, create_first, done, ctx, err);
}

struct op *libvirt_checkpoint_delete(struct hypervisor *hv, const char *domain, const char *name,
                                     op_done done, void *ctx, struct err *err)
{
    const struct checkpoint_work what = {.name = (char *)name};

    return work_start(hv, domain, &what, delete_first, done, ctx, err);
}

struct op *libvirt_checkpoint_redefine(struct hypervisor *hv, const char *domain, const char *name,
                                       int64_t created, const struct strlist *disks, op_done done,
                                       void *ctx, struct err *err)
{
    const struct checkpoint_work what = {.name = (char *)name, .disks = *disks, .created = created};

    return work_start(hv, domain, &what, redefine_first, done, ctx, err);
}

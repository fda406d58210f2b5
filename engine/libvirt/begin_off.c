/* SPDX-License-Identifier: MIT
 *
 * A backup of a domain that is shut off begins on its images; images.h.  It is one of the driver's
 * for images from then on.  Libvirt is told of the checkpoint when its bitmaps are there: a record
 * that comes too early would be one of nothing.  That it cannot be told now costs nothing: the
 * bitmaps are in the images, and the record is made by the next backup of the domain that runs.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "engine/libvirt/begin.h"
#include "engine/libvirt/images.h"

#define RECORD_S 40.0

static struct libvirt_begin *of(struct libvirt_task *t)
{
    return (struct libvirt_begin *)t;
}

static void recorded(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    if (t->err.code != ERR_NONE)
        log_debug("libvirt: %s: checkpoint %s gets no record now: %s", t->domain,
                  b->request.checkpoint, t->err.msg);
    *b->ret = b->begun;
    libvirt_task_finish(t, NULL);
}

static void begun(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    CLEANUP(strlist_done) struct strlist disks = {0};
    CLEANUP_FREE char *xml = NULL;

    if (t->err.code != ERR_NONE) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    for (size_t i = 0; i < b->disks.n; i++)
        if (b->disks.items[i].track)
            strlist_add(&disks, b->disks.items[i].name);
    t->steady = true; /* it has begun, whoever does not want it any more */
    if (!b->request.checkpoint || disks.n == 0) {
        recorded(t);
        return;
    }
    xml = libvirt_checkpoint_of(b->request.checkpoint, &disks, (int64_t)ev_now(t->host->loop));
    libvirt_task_request(t, "checkpoint-create", &libvirt_request_checkpoint_create,
                         (struct libvirt_request){.checkpoint = xml, .redefine = true}, NULL, NULL,
                         RECORD_S, recorded);
}

static struct op *start(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    struct libvirt_begin *b = of(t);
    struct backup_request request = b->request;

    request.domain = t->domain;
    return b->images->ops->backup_begin(b->images, &request, &b->begun, done, ctx, err);
}

void libvirt_begin_off(struct libvirt_begin *b)
{
    struct libvirt_task *t = &b->task;

    if (!t->host->local)
        err_set(&b->err, ERR_UNSUPPORTED,
                "the domain is shut off, and its images are on another machine: it is backed up "
                "while it runs");
    else
        b->images = libvirt_images(t->host, t->domain, b->facts, &b->err);
    if (b->images)
        libvirt_task_op(t, start, begun);
    else
        libvirt_task_finish(t, &b->err);
}

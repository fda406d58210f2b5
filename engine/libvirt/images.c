/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/images.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/qmp/driver.h"

bool libvirt_images_can(const struct libvirt_host *h, const struct domain_facts *f)
{
    return h->local && f->state == DOMAIN_SHUTOFF;
}

/* ---- which they are ---- */

static int check_disk(const struct disk_facts *d, struct err *err)
{
    if (d->image && !d->special)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "disk %s: %s is no regular file: it is backed up while the domain runs", d->name,
                   d->image      ? d->image
                   : d->identity ? d->identity
                                 : "its image");
}

static void on_event(void *ctx, const struct hv_event *event)
{
    libvirt_host_tell(ctx, event->type, event->domain);
}

static struct hypervisor *get(struct libvirt_host *h)
{
    if (!h->images) {
        h->images = qmp_images_new(h->loop);
        h->images->ops->listen(h->images, on_event, h);
    }
    return h->images;
}

struct hypervisor *libvirt_images(struct libvirt_host *h, const char *domain,
                                  const struct domain_facts *f, struct err *err)
{
    CLEANUP_FREE struct qmp_disk_config *disks = xcalloc(f->disks.n + 1, sizeof(*disks));
    struct qmp_domain_config config = {
        .name = domain, .disks = disks, .n_disks = f->disks.n, .shared_names = true};

    if (h->letting_go) {
        err_set(err, ERR_CANCELED, "canceled");
        return NULL;
    }
    if (f->disks.n == 0) {
        err_set(err, ERR_UNSUPPORTED, "the domain has no disks");
        return NULL;
    }
    for (size_t i = 0; i < f->disks.n; i++) {
        const struct disk_facts *d = &f->disks.items[i];

        if (check_disk(d, err) < 0)
            return NULL;
        disks[i] = (struct qmp_disk_config){d->name, d->image, d->format};
    }
    return qmp_images_set(get(h), &config, err) < 0 ? NULL : h->images;
}

struct hypervisor *libvirt_images_with(const struct libvirt_host *h, const struct hv_job *job)
{
    return h->images && str_eq(qmp_images_tag(h->images, job->domain), job->tag) ? h->images : NULL;
}

/* ---- what they say ---- */

static void clear_bitmaps(struct disk_facts *d)
{
    for (size_t i = 0; i < d->bitmaps.n; i++)
        free(d->bitmaps.items[i].name);
    d->bitmaps.n = 0;
}

/* As those of a domain that runs are called (checkpoint_facts.c). */
static void take_bitmaps(struct disk_facts *to, struct disk_facts *from)
{
    clear_bitmaps(to);
    for (size_t i = 0; i < from->bitmaps.n; i++) {
        struct bitmap_facts *b = VEC_ADD(&to->bitmaps);
        CLEANUP_FREE char *checkpoint = bitmap_checkpoint(from->bitmaps.items[i].name);

        *b = from->bitmaps.items[i];
        b->name = checkpoint_bitmap(checkpoint, to->name);
    }
}

static void take_disk(struct disk_facts *to, struct disk_facts *from)
{
    to->capacity = from->capacity;
    to->allocated = from->allocated;
    to->trackable = from->trackable;
    to->encrypted = from->encrypted;
    free(to->identity);
    to->identity = TAKE_PTR(from->identity);
    free(TAKE_PTR(to->unsafe)); /* nobody writes to it */
    take_bitmaps(to, from);
}

void libvirt_images_add(struct domain_facts *f, struct domain_facts *said)
{
    for (size_t i = 0; i < f->disks.n; i++)
        for (size_t k = 0; k < said->disks.n; k++)
            if (str_eq(f->disks.items[i].name, said->disks.items[k].name))
                take_disk(&f->disks.items[i], &said->disks.items[k]);
    for (size_t i = 0; i < said->files.n; i++)
        if (!strlist_has(&f->files, said->files.items[i]))
            strlist_add(&f->files, said->files.items[i]);
    free(f->problem);
    f->problem = TAKE_PTR(said->problem);
    free(f->foreign_job);
    f->foreign_job = TAKE_PTR(said->foreign_job);
    free(f->job_tag);
    f->job_tag = TAKE_PTR(said->job_tag);
    f->uid = said->uid;
    f->gid = said->gid;
}

void libvirt_images_cannot(struct domain_facts *f, const struct err *why)
{
    free(f->problem);
    f->problem = xstrdup(why->msg);
}

void libvirt_images_free(struct libvirt_host *h)
{
    struct hypervisor *images = TAKE_PTR(h->images);

    h->letting_go = true;
    if (images)
        images->ops->free(images);
}

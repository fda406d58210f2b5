/* SPDX-License-Identifier: MIT */
#include "engine/hypervisor.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"

const char *domain_state_name(enum domain_state s)
{
    switch (s) {
    case DOMAIN_RUNNING:
        return "running";
    case DOMAIN_PAUSED:
        return "paused";
    case DOMAIN_SHUTOFF:
        return "shut off";
    case DOMAIN_UNREACHABLE:
        return "unreachable";
    }
    return "unknown";
}

void disk_facts_done(struct disk_facts *d)
{
    for (size_t i = 0; i < d->bitmaps.n; i++)
        free(d->bitmaps.items[i].name);
    free(d->bitmaps.items);
    free(d->name);
    free(d->image);
    free(d->identity);
    free(d->device);
    free(d->format);
    free(d->unsafe);
    free(d->cannot);
}

void domain_facts_free(struct domain_facts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->disks.n; i++)
        disk_facts_done(&f->disks.items[i]);
    free(f->disks.items);
    for (size_t i = 0; i < f->asides.n; i++)
        disk_facts_done(&f->asides.items[i]);
    free(f->asides.items);
    strlist_done(&f->files);
    free(f->problem);
    free(f->uuid);
    free(f->job_tag);
    free(f->job_place);
    free(f->foreign_job);
    definition_list_done(&f->definitions);
    free(f->confined);
    free(f->apart);
    free(f);
}

void hv_trial_done(struct hv_trial *t)
{
    free(t->problem);
    free(t->untried);
    free(t->agent_problem);
    *t = (struct hv_trial){0};
}

const struct disk_facts *domain_facts_disk(const struct domain_facts *f, const char *name)
{
    for (size_t i = 0; i < f->disks.n; i++)
        if (strcmp(f->disks.items[i].name, name) == 0)
            return &f->disks.items[i];
    return NULL;
}

const struct disk_facts *domain_facts_any(const struct domain_facts *f, const char *name)
{
    const struct disk_facts *found = domain_facts_disk(f, name);

    for (size_t i = 0; i < f->asides.n && !found; i++)
        if (strcmp(f->asides.items[i].name, name) == 0)
            found = &f->asides.items[i];
    return found;
}

void domain_facts_names(const struct domain_facts *f, struct strlist *ret)
{
    for (size_t i = 0; i < f->disks.n; i++)
        strlist_add(ret, f->disks.items[i].name);
    for (size_t i = 0; i < f->asides.n; i++)
        strlist_add(ret, f->asides.items[i].name);
}

const char *write_errors_name(enum write_errors e)
{
    static const char *const names[] = {NULL, "enospace", "stop", "report", "ignore"};

    return names[e];
}

const char *disk_facts_aside(const struct disk_facts *d)
{
    if (d->cannot)
        return d->cannot;
    if (d->empty)
        return "an empty drive";
    return d->removable ? "a CD-ROM or the like" : "a read-only disk";
}

const struct bitmap_facts *disk_facts_bitmap(const struct disk_facts *d, const char *name)
{
    for (size_t i = 0; i < d->bitmaps.n; i++)
        if (strcmp(d->bitmaps.items[i].name, name) == 0)
            return &d->bitmaps.items[i];
    return NULL;
}

const struct bitmap_facts *disk_facts_checkpoint(const struct disk_facts *d, const char *checkpoint)
{
    CLEANUP_FREE char *name = checkpoint_bitmap(checkpoint, d->name);
    const struct bitmap_facts *own = disk_facts_bitmap(d, name);

    return own ? own : disk_facts_bitmap(d, checkpoint);
}

struct disk_origin disk_facts_origin(const struct disk_facts *d, const char *checkpoint)
{
    return (struct disk_origin){
        .image = xstrdup(d->image),
        .identity = xstrdup(d->identity),
        .device = xstrdup(d->device),
        .bitmap = checkpoint && d->trackable ? checkpoint_bitmap(checkpoint, d->name) : NULL,
    };
}

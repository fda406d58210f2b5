/* SPDX-License-Identifier: MIT
 *
 * Guests, their disks and the QEMU that runs them, see sim.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "tests/simulation/by_hand.h"
#include "tests/simulation/host.h"

static void write_block(struct sim_disk *d, uint32_t block, uint32_t version)
{
    d->blocks[block] = version;
    for (size_t i = 0; i < d->bitmaps.n; i++)
        if (!d->bitmaps.items[i].inconsistent)
            d->bitmaps.items[i].dirty |= UINT32_C(1) << block;
}

void sim_guest_writes(struct sim_domain *d)
{
    struct sim_world *w = d->host->w;

    for (size_t i = 0; d->up && i < d->disks.n; i++)
        for (uint32_t n = sim_random(w, 5); n > 0; n--)
            write_block(&d->disks.items[i], sim_random(w, SIM_BLOCKS), sim_random(w, UINT32_MAX));
}

struct sim_bitmap *sim_bitmap_find(struct sim_disk *d, const char *name)
{
    for (size_t i = 0; i < d->bitmaps.n; i++)
        if (strcmp(d->bitmaps.items[i].name, name) == 0)
            return &d->bitmaps.items[i];
    return NULL;
}

struct sim_bitmap *sim_bitmap_of(struct sim_disk *d, const char *checkpoint)
{
    CLEANUP_FREE char *own = checkpoint_bitmap(checkpoint, d->name);

    return sim_bitmap_find(d, own);
}

void sim_bitmap_remove(struct sim_disk *d, const char *name)
{
    struct sim_bitmap *b = sim_bitmap_find(d, name);

    if (b)
        *b = d->bitmaps.items[--d->bitmaps.n];
}

void sim_bitmap_add(struct sim_disk *d, const char *name)
{
    snprintf(VEC_ADD(&d->bitmaps)->name, sizeof(d->bitmaps.items[0].name), "%s", name);
}

struct sim_disk *sim_disk_find(struct sim_domain *d, const char *name)
{
    for (size_t i = 0; i < d->disks.n; i++)
        if (strcmp(d->disks.items[i].name, name) == 0)
            return &d->disks.items[i];
    return NULL;
}

void sim_disk_add(struct sim_domain *d)
{
    struct sim_disk *disk = VEC_ADD(&d->disks);

    snprintf(disk->name, sizeof(disk->name), "vd%c", (char)('a' + d->disks.n - 1));
    disk->capacity = SIM_BLOCKS * 65536;
    disk->raw = sim_chance(d->host->w, 2000);
    for (uint32_t i = 0; i < SIM_BLOCKS; i++)
        disk->blocks[i] = sim_random(d->host->w, UINT32_MAX);
    if (!disk->raw)
        sim_bitmap_add(disk, "somebody-elses");
}

void sim_disk_forget(struct sim_domain *d, struct sim_disk *disk)
{
    if (d->compared) /* there is a moment that nobody guards */
        return;
    for (uint32_t i = SIM_BLOCKS - 1 - sim_random(d->host->w, 8); i < SIM_BLOCKS; i++)
        disk->blocks[i] = 0;
    hand_forgot(d, disk);
    d->host->w->counts.forgot++;
}

struct sim_domain *sim_domain_add(struct sim_host *h, const char *name, size_t n_disks)
{
    struct sim_domain *d = xcalloc(1, sizeof(*d));

    snprintf(d->name, sizeof(d->name), "%s", name);
    d->host = h;
    d->up = true;
    while (n_disks-- > 0)
        sim_disk_add(d);
    *VEC_ADD(&h->domains) = d;
    return d;
}

void sim_job_drop(struct sim_domain *d)
{
    free(d->job.images.items);
    d->job = (struct sim_job){0};
    d->has_job = false;
}

/* With its QEMU. */
static void end_job(struct sim_domain *d)
{
    bool its = d->has_job && !d->job.of_images;

    if (d->host->libvirt && its) {
        d->job.state = HVJOB_FAILED;
        err_set(&d->job.err, ERR_REMOTE, "the domain has stopped");
        libvirt_ended(d);
    }
    if (its)
        sim_job_drop(d);
    libvirt_stopped(d);
}

void sim_qemu_kill(struct sim_domain *d)
{
    d->host->w->counts.qemu_kills++;
    end_job(d);
    for (size_t i = 0; i < d->disks.n; i++) {
        struct sim_disk *disk = &d->disks.items[i];

        for (size_t k = disk->bitmaps.n; k-- > 0;) {
            if (disk->bitmaps.items[k].saved ||
                strcmp(disk->bitmaps.items[k].name, "somebody-elses") == 0)
                disk->bitmaps.items[k].inconsistent = true;
            else
                disk->bitmaps.items[k] = disk->bitmaps.items[--disk->bitmaps.n];
        }
    }
    host_tell(d, HV_EVENT_DOMAIN);
}

void sim_qemu_kill_busy(struct sim_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++)
        if (h->domains.items[i]->up && h->domains.items[i]->has_job)
            sim_qemu_kill(h->domains.items[i]);
}

void sim_qemu_restart(struct sim_domain *d)
{
    end_job(d);
    for (size_t i = 0; i < d->disks.n; i++)
        for (size_t k = 0; k < d->disks.items[i].bitmaps.n; k++)
            d->disks.items[i].bitmaps.items[k].saved = true;
    host_tell(d, HV_EVENT_DOMAIN);
}

/* SPDX-License-Identifier: MIT
 *
 * What a simulated host does that behaves as libvirt was measured to: jobs bear no tags, of an
 * ended one only the figures are left, and those of the last one alone; other people's jobs
 * overwrite them.  A driver knows how those ended that it has begun, or found running, as long as
 * its connection holds.  A transient domain goes when it stops, and its checkpoints are forgotten:
 * their bitmaps stay in the images, and nobody tells of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/simulation/by_hand.h"
#include "tests/simulation/host.h"

#define FOREIGN "/foreign/"

void libvirt_knows(struct sim_hypervisor *hv, const struct sim_job *j)
{
    for (size_t i = 0; i < hv->jobs.n; i++)
        if (hv->jobs.items[i] == j->id)
            return;
    *VEC_ADD(&hv->jobs) = j->id;
}

static bool knows(const struct sim_hypervisor *hv, const struct sim_job *j)
{
    for (size_t i = 0; i < hv->jobs.n; i++)
        if (hv->jobs.items[i] == j->id)
            return true;
    return false;
}

void libvirt_ended(struct sim_domain *d)
{
    struct sim_host *h = d->host;
    struct sim_world *w = h->w;

    d->last = d->job.state;
    d->last_ms = w->now_ms - d->job.start_ms;
    for (size_t i = 0; i < h->clients.n; i++) {
        struct sim_hypervisor *hv = h->clients.items[i];
        struct sim_ending *e;

        if (!knows(hv, &d->job))
            continue;
        if (sim_chance(w, w->faults.event_lost)) {
            w->counts.unseen_ends++;
            continue;
        }
        e = VEC_ADD(&hv->ended);
        memcpy(e->tag, d->job.tag, sizeof(e->tag));
        e->state = d->job.state;
        e->err = d->job.err;
    }
    sim_job_drop(d);
}

bool libvirt_stats(struct sim_hypervisor *hv, const struct sim_domain *d, const char *tag,
                   struct hv_job_stats *ret)
{
    for (size_t i = 0; i < hv->ended.n; i++) {
        if (strcmp(hv->ended.items[i].tag, tag) != 0)
            continue;
        ret->state = hv->ended.items[i].state;
        ret->err = hv->ended.items[i].err;
        return true;
    }
    ret->last = d->last;
    ret->last_ms = d->last_ms;
    return false;
}

void libvirt_forget(struct sim_hypervisor *hv, const char *tag)
{
    for (size_t i = 0; i < hv->ended.n; i++)
        if (strcmp(hv->ended.items[i].tag, tag) == 0)
            hv->ended.items[i--] = hv->ended.items[--hv->ended.n];
}

/* ---- other people's jobs ---- */

struct foreign_end {
    struct sim_domain *d;
    uint64_t id;
};

static void foreign_ends(void *ctx)
{
    struct foreign_end e = *(struct foreign_end *)ctx;

    free(ctx);
    if (!e.d->has_job || e.d->job.id != e.id)
        return;
    e.d->job.state = HVJOB_COMPLETED;
    libvirt_ended(e.d);
}

void sim_foreign_job(struct sim_domain *d, int64_t ms)
{
    struct sim_world *w = d->host->w;
    struct foreign_end *end;

    if (!d->host->libvirt || !d->up || d->has_job)
        return;
    w->counts.foreign_jobs++;
    d->has_job = true;
    d->job.id = ++w->next_job;
    d->job.state = HVJOB_RUNNING;
    d->job.start_ms = w->now_ms;
    d->job.end_ms = w->now_ms + ms;
    snprintf(d->job.place, sizeof(d->job.place), FOREIGN "%llu", (unsigned long long)d->job.id);
    end = xcalloc(1, sizeof(*end));
    end->d = d;
    end->id = d->job.id;
    sim_at(w, ms, false, foreign_ends, end);
}

bool libvirt_is_foreign(const struct sim_domain *d)
{
    return d->has_job && starts_with(d->job.place, FOREIGN);
}

/* ---- what becomes of domains ---- */

void sim_host_as_libvirt(struct sim_host *h)
{
    h->libvirt = true;
    h->can = HV_COMPARES;
    h->answer_s = 30;
    for (size_t i = 2; i < h->domains.n; i += 3)
        h->domains.items[i]->transient = true;
}

void sim_host_is_here(struct sim_host *h)
{
    h->can |= HV_OFFLINE;
    for (size_t i = 0; i < h->domains.n; i++)
        h->domains.items[i]->images = true;
}

void libvirt_stopped(struct sim_domain *d)
{
    if (!d->host->libvirt)
        return;
    d->last = HVJOB_NONE;
    if (!d->transient)
        return;
    for (size_t i = 0; i < d->disks.n; i++)
        for (size_t k = 0; k < d->disks.items[i].bitmaps.n; k++)
            if (strcmp(d->disks.items[i].bitmaps.items[k].name, "somebody-elses") != 0) {
                d->disks.items[i].bitmaps.items[k].forgotten = true;
                d->host->w->counts.forgotten++;
            }
}

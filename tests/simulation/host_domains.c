/* SPDX-License-Identifier: MIT
 *
 * Which domains a simulated host has, and when it tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/host.h"

static size_t client_of(const struct sim_host *h, uint64_t id)
{
    size_t i = 0;

    while (i < h->clients.n && h->clients.items[i]->id != id)
        i++;
    return i;
}

bool host_list(struct hypervisor *hv, struct strlist *ret, struct err *why)
{
    const struct sim_hypervisor *client = (struct sim_hypervisor *)hv;

    if (!client->told) {
        if (why)
            err_set(why, ERR_REMOTE, "it is being connected to");
        return false;
    }
    for (size_t i = 0; ret && i < client->host->domains.n; i++)
        if (!client->host->domains.items[i]->gone)
            strlist_add(ret, client->host->domains.items[i]->name);
    return true;
}

/* One of the daemon's drivers hears of it. */
struct telling {
    struct sim_host *host;
    uint64_t client;
};

static void tell_domains(void *ctx)
{
    static const struct hv_event event = {.type = HV_EVENT_DOMAINS};
    const struct telling t = *(struct telling *)ctx;
    size_t i = client_of(t.host, t.client);
    struct sim_hypervisor *hv = i < t.host->clients.n ? t.host->clients.items[i] : NULL;

    free(ctx);
    if (!hv)
        return;
    hv->told = true;
    if (hv->listener)
        hv->listener(hv->listener_ctx, &event);
}

/* Driver and daemon are one process: this one is never lost. */
static void tell_later(struct sim_host *h, const struct sim_hypervisor *hv, int64_t ms)
{
    struct telling *t = xcalloc(1, sizeof(*t));
    int acting = h->w->acting;

    *t = (struct telling){h, hv->id};
    sim_act_as(h->w, h->daemon);
    sim_at_owned(h->w, ms, tell_domains, t);
    sim_act_as(h->w, acting);
}

void host_connects(struct sim_hypervisor *hv)
{
    struct sim_host *h = hv->host;
    int64_t ms = h->tells_ms;

    /* It may be away for longer than it is waited for. */
    if (h->libvirt && h->w->faults.op_slow) {
        bool away = sim_chance(h->w, 1500);

        ms = 1000 * (1 + (int64_t)sim_random(h->w, away ? 3600 : 40));
        h->w->counts.away_hosts += away;
    }
    hv->told = ms == 0;
    if (hv->told)
        return;
    h->w->counts.late_hosts++;
    tell_later(h, hv, ms);
}

static void changed(struct sim_host *h)
{
    int times = 1 + sim_chance(h->w, h->w->faults.event_doubled);

    for (size_t i = 0; i < h->clients.n; i++)
        for (int n = 0; n < times && h->clients.items[i]->told; n++)
            tell_later(h, h->clients.items[i], 1 + sim_random(h->w, 20));
}

void sim_domain_goes(struct sim_domain *d)
{
    sim_job_drop(d);
    libvirt_stopped(d);
    d->up = false;
    d->gone = true;
    d->host->w->counts.gone++;
    changed(d->host);
}

void sim_domain_comes(struct sim_domain *d)
{
    d->gone = false;
    sim_domain_starts(d);
    d->host->w->counts.came++;
    changed(d->host);
}

void sim_domain_rename(struct sim_domain *d, const char *name)
{
    struct sim_domain *former = xcalloc(1, sizeof(*former));

    former->host = d->host;
    former->gone = true;
    memcpy(former->name, d->name, sizeof(former->name));
    *VEC_ADD(&d->host->former) = former;
    snprintf(d->name, sizeof(d->name), "%s", name);
    d->host->w->counts.renamed++;
    changed(d->host);
}

/* SPDX-License-Identifier: MIT
 *
 * A simulated host as the daemon sees it, see sim.h: what it tells, and how it answers. */
#include "tests/simulation/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/simulation/by_hand.h"

/* ---- events ---- */

struct sim_tell {
    struct sim_host *host;
    enum hv_event_type type;
    char domain[16];
};

static void deliver(void *ctx)
{
    struct sim_tell t = *(struct sim_tell *)ctx;
    const struct hv_event event = {t.type, t.domain};

    free(ctx);
    for (size_t i = 0; i < t.host->clients.n && (i == 0 || t.host->libvirt); i++)
        if (t.host->clients.items[i]->listener)
            t.host->clients.items[i]->listener(t.host->clients.items[i]->listener_ctx, &event);
}

void host_tell(struct sim_domain *d, enum hv_event_type type)
{
    struct sim_world *w = d->host->w;
    int acting = w->acting;
    int times = sim_chance(w, w->faults.event_lost)      ? 0
                : sim_chance(w, w->faults.event_doubled) ? 2
                                                         : 1;

    w->counts.lost_events += times == 0;
    sim_act_as(w, d->host->daemon);
    while (times-- > 0) {
        struct sim_tell *t = xcalloc(1, sizeof(*t));

        t->host = d->host;
        t->type = type;
        memcpy(t->domain, d->name, sizeof(t->domain));
        sim_at_owned(w, 1 + sim_random(w, 20), deliver, t);
    }
    sim_act_as(w, acting);
}

struct sim_domain *host_domain(struct hypervisor *hv, const char *name)
{
    struct sim_host *h = ((struct sim_hypervisor *)hv)->host;

    for (size_t i = 0; i < h->domains.n; i++)
        if (strcmp(h->domains.items[i]->name, name) == 0)
            return h->domains.items[i];
    for (size_t i = 0; i < h->former.n; i++)
        if (strcmp(h->former.items[i]->name, name) == 0)
            return h->former.items[i];
    sim_broken("the daemon asks for a domain that does not exist: %s", name);
}

bool host_serves(const struct hypervisor *hv)
{
    const struct sim_host *h = ((const struct sim_hypervisor *)hv)->host;

    return h->clients.n > 0 && (h->libvirt || &h->clients.items[0]->hv == hv) &&
           ((const struct sim_hypervisor *)hv)->told;
}

/* ---- answers ---- */

/* Some answers take half a minute. */
static void answer_slow(struct sim_host *h)
{
    struct sim_world *w = h->w;

    if (!h->libvirt || !sim_chance(w, w->faults.op_slow))
        return;
    w->slow_ms = 30000;
    w->counts.slow_answers++;
}

struct answer *answer_new(struct hypervisor *hv, const char *domain)
{
    struct answer *a = xcalloc(1, sizeof(*a));

    a->hv = (struct sim_hypervisor *)hv;
    a->d = host_domain(hv, domain);
    sim_maybe_kill(a->d->host->w);
    a->fails = sim_op_fails(a->d->host->w, &a->effect);
    if (!host_serves(hv) || a->d->gone || a->d->host->silent) {
        a->fails = true;
        a->effect = false;
    }
    answer_slow(a->d->host);
    return a;
}

struct answer *answer_about(struct hypervisor *hv, const struct hv_job *job)
{
    struct answer *a = answer_new(hv, job->domain);

    snprintf(a->tag, sizeof(a->tag), "%s", job->tag);
    snprintf(a->place, sizeof(a->place), "%s", job->place ? job->place : "");
    return a;
}

bool answer_is_job(const struct answer *a)
{
    const struct sim_job *j = &a->d->job;

    if (a->d->has_job && j->of_images && j->of_images != a->hv->id)
        return false;
    if (!a->d->has_job || !a->d->host->libvirt || j->of_images)
        return a->d->has_job && strcmp(j->tag, a->tag) == 0;
    if (strcmp(j->place, a->place) != 0)
        return false;
    libvirt_knows(a->hv, j);
    return true;
}

/* Ends an operation that has had its effect, or not, by now. */
struct op *answer_acted(struct answer *a, op_done done, void *ctx)
{
    struct sim_world *w = a->d->host->w;
    struct err failure = ERR_INIT;

    if (a->fails || !host_answers(a->d))
        err_set(&failure, ERR_REMOTE, "no connection");
    free(a);
    return sim_op(w, failure.code ? &failure : NULL, done, ctx);
}

/* A job on the images only the driver knows that made it; libvirt's tells of it as long as the
 * domain is shut off. */
static void fill_job(const struct sim_hypervisor *hv, const struct sim_domain *d,
                     struct domain_facts *f)
{
    const struct sim_job *j = &d->job;

    if (!d->has_job || (j->of_images && (j->of_images != hv->id || (d->host->libvirt && d->up))))
        return;
    if (d->host->libvirt && !j->of_images)
        f->job_place = xstrdup(j->place);
    else
        f->job_tag = xstrdup(j->tag);
}

static void fill_facts(const struct sim_hypervisor *hv, const struct sim_domain *d,
                       struct domain_facts *f)
{
    f->state = d->up ? DOMAIN_RUNNING : DOMAIN_SHUTOFF;
    fill_job(hv, d, f);
    if (!d->up && !d->images && (d->host->can & HV_OFFLINE)) /* they are not configured */
        return;
    for (size_t i = 0; i < d->disks.n; i++) {
        const struct sim_disk *s = &d->disks.items[i];
        struct disk_facts *disk = VEC_ADD(&f->disks);

        disk->name = xstrdup(s->name);
        disk->image = xasprintf("/images/%s", s->name);
        disk->format = xstrdup(s->raw ? "raw" : "qcow2");
        disk->capacity = disk->allocated = s->capacity;
        disk->trackable = !s->raw;
        for (size_t k = 0; host_answers(d) && k < s->bitmaps.n; k++) {
            struct bitmap_facts *b;

            if (s->bitmaps.items[k].forgotten)
                continue;
            b = VEC_ADD(&disk->bitmaps);
            b->name = xstrdup(s->bitmaps.items[k].name);
            b->inconsistent = s->bitmaps.items[k].inconsistent;
            b->recording = !b->inconsistent;
        }
    }
}

static int give_facts(void *arg, struct err *err)
{
    struct answer *a = arg;

    if (a->fails) {
        err_set(err, a->d->gone ? ERR_NOTFOUND : ERR_REMOTE, "%s",
                a->d->gone ? "there is no such domain" : "no connection");
        free(a);
        return -1;
    }
    *a->facts = xcalloc(1, sizeof(**a->facts));
    fill_facts(a->hv, a->d, *a->facts);
    free(a);
    return 0;
}

static struct op *inspect(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                          op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain);

    (void)err;
    a->facts = ret;
    a->d->compared = false;
    return sim_op_with(a->d->host->w, give_facts, a, done, ctx);
}

static void listen_to(struct hypervisor *hv, hv_event_fn fn, void *ctx)
{
    ((struct sim_hypervisor *)hv)->listener = fn;
    ((struct sim_hypervisor *)hv)->listener_ctx = ctx;
}

static void hypervisor_free(struct hypervisor *hv)
{
    struct sim_host *h = ((struct sim_hypervisor *)hv)->host;

    for (size_t i = 0; i < h->clients.n; i++) {
        if (&h->clients.items[i]->hv != hv)
            continue;
        memmove(&h->clients.items[i], &h->clients.items[i + 1],
                (--h->clients.n - i) * sizeof(h->clients.items[0]));
        break;
    }
    images_let_go((struct sim_hypervisor *)hv);
    free(((struct sim_hypervisor *)hv)->jobs.items);
    free(((struct sim_hypervisor *)hv)->ended.items);
    free(hv);
}

struct hypervisor *sim_hypervisor_new(struct sim_host *h)
{
    static const struct hypervisor_ops ops = {
        .domains = host_list,
        .inspect = inspect,
        .backup_begin = host_backup_begin,
        .job_stats = host_job_stats,
        .abort_job = host_abort_job,
        .job_forget = host_job_forget,
        .allocation = host_allocation,
        .checkpoint_create = host_checkpoint_create,
        .checkpoint_delete = host_checkpoint_delete,
        .listen = listen_to,
        .free = hypervisor_free,
    };
    struct sim_hypervisor *hv = xcalloc(1, sizeof(*hv));

    hv->hv = (struct hypervisor){.ops = &ops, .can = h->can, .patience = h->answer_s};
    hv->host = h;
    hv->id = ++h->w->next_client;
    host_connects(hv);
    *VEC_ADD(&h->clients) = hv;
    return &hv->hv;
}

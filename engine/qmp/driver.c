/* SPDX-License-Identifier: MIT */
#include "engine/qmp/driver.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/begin/checkpoint.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/look/allocation.h"
#include "engine/qmp/look/inspect.h"
#include "engine/qmp/look/trial.h"
#include "engine/qmp/offline/offline.h"
#include "engine/qmp/tend/jobs.h"

#define ANSWERS_S 5

static struct qmp_hypervisor *of(struct hypervisor *hv)
{
    return (struct qmp_hypervisor *)hv;
}

static struct domain *find(struct hypervisor *hv, const char *name, struct err *err)
{
    struct qmp_hypervisor *q = of(hv);

    for (size_t i = 0; i < q->domains.n; i++)
        if (strcmp(q->domains.items[i]->name, name) == 0)
            return q->domains.items[i];
    err_set(err, ERR_NOTFOUND, "no domain '%s' is configured", name);
    return NULL;
}

static void driver_thaw(struct hypervisor *hv, const char *domain, struct hv_thaw *ret)
{
    struct err err = ERR_INIT;
    const struct domain *d = find(hv, domain, &err);

    *ret = (struct hv_thaw){.since_s = -1};
    if (!d || !d->freezer)
        return;
    ret->tries = freezer_thaw_tries(d->freezer, &ret->why);
    ret->since_s = (int64_t)freezer_frozen_for(d->freezer);
}

/* The configuration has told them. */
static bool driver_domains(struct hypervisor *hv, struct strlist *ret, struct err *why)
{
    struct qmp_hypervisor *q = of(hv);

    (void)why;
    for (size_t i = 0; ret && i < q->domains.n; i++)
        strlist_add(ret, q->domains.items[i]->name);
    return true;
}

static struct op *driver_inspect(struct hypervisor *hv, const char *domain,
                                 struct domain_facts **ret, op_done done, void *ctx,
                                 struct err *err)
{
    struct domain *d = find(hv, domain, err);

    return d ? inspect_start(d, ret, done, ctx) : NULL;
}

static struct op *driver_begin(struct hypervisor *hv, const struct backup_request *request,
                               struct backup_begun *ret, op_done done, void *ctx, struct err *err)
{
    struct domain *d = find(hv, request->domain, err);

    return d ? begin_start(d, request, ret, done, ctx, err) : NULL;
}

static struct op *driver_stats(struct hypervisor *hv, const struct hv_job *job,
                               struct hv_job_stats *ret, op_done done, void *ctx, struct err *err)
{
    struct domain *d = find(hv, job->domain, err);

    return d ? job_stats_start(d, job->tag, ret, done, ctx, err) : NULL;
}

static struct op *driver_abort(struct hypervisor *hv, const struct hv_job *job, op_done done,
                               void *ctx, struct err *err)
{
    struct domain *d = find(hv, job->domain, err);

    return d ? job_abort_start(d, job->tag, done, ctx, err) : NULL;
}

static struct op *driver_forget(struct hypervisor *hv, const struct hv_job *job, op_done done,
                                void *ctx, struct err *err)
{
    struct domain *d = find(hv, job->domain, err);

    return d ? job_forget_start(d, job->tag, done, ctx, err) : NULL;
}

static struct op *driver_allocation(struct hypervisor *hv, const char *domain, const char *tag,
                                    struct allocation *items, size_t n, op_done done, void *ctx,
                                    struct err *err)
{
    struct domain *d = find(hv, domain, err);

    return d ? allocation_start(d, tag, items, n, done, ctx) : NULL;
}

static struct op *driver_create(struct hypervisor *hv, const char *domain, const char *name,
                                const struct strlist *disks, bool quiesce, op_done done, void *ctx,
                                struct err *err)
{
    struct domain *d = find(hv, domain, err);

    return d ? checkpoint_create_start(d, name, disks, quiesce, done, ctx, err) : NULL;
}

static struct op *driver_delete(struct hypervisor *hv, const char *domain, const char *name,
                                op_done done, void *ctx, struct err *err)
{
    struct domain *d = find(hv, domain, err);

    return d ? checkpoint_delete_start(d, name, done, ctx) : NULL;
}

static struct op *driver_trial(struct hypervisor *hv, const char *domain, const char *path,
                               bool agent, struct hv_trial *ret, op_done done, void *ctx,
                               struct err *err)
{
    struct domain *d = find(hv, domain, err);

    return d ? trial_start(d, path, agent, ret, done, ctx) : NULL;
}

static void driver_listen(struct hypervisor *hv, hv_event_fn fn, void *ctx)
{
    of(hv)->listener = fn;
    of(hv)->listener_ctx = ctx;
}

static void tell(struct qmp_hypervisor *q, const struct domain *d, enum hv_event_type type)
{
    const struct hv_event event = {.type = type, .domain = d->name};

    if (q->listener)
        q->listener(q->listener_ctx, &event);
}

static void on_raise(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct qmp_hypervisor *q = w->data;

    (void)loop;
    (void)revents;
    for (size_t i = 0; i < q->domains.n; i++) {
        struct domain *d = q->domains.items[i];
        bool domain = d->raise_domain, job = d->raise_job;

        d->raise_domain = d->raise_job = false;
        if (domain)
            tell(q, d, HV_EVENT_DOMAIN);
        if (job)
            tell(q, d, HV_EVENT_JOB);
    }
}

static void bury(struct qmp_hypervisor *q)
{
    for (size_t i = 0; i < q->replaced.n; i++)
        domain_free(q->replaced.items[i]);
    q->replaced.n = 0;
}

static void on_bury(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    bury(w->data);
}

static void driver_free(struct hypervisor *hv)
{
    struct qmp_hypervisor *q = of(hv);

    q->listener = NULL;
    for (size_t i = 0; i < q->domains.n; i++)
        domain_free(q->domains.items[i]);
    bury(q);
    ev_timer_stop(q->loop, &q->bury);
    ev_timer_stop(q->loop, &q->raise);
    socket_watch_stop(q);
    free(q->replaced.items);
    free(q->domains.items);
    free(q);
}

static struct qmp_hypervisor *new_driver(struct ev_loop *loop)
{
    static const struct hypervisor_ops ops = {
        .domains = driver_domains,
        .thaw = driver_thaw,
        .inspect = driver_inspect,
        .backup_begin = driver_begin,
        .job_stats = driver_stats,
        .abort_job = driver_abort,
        .job_forget = driver_forget,
        .allocation = driver_allocation,
        .checkpoint_create = driver_create,
        .checkpoint_delete = driver_delete,
        .trial = driver_trial,
        .listen = driver_listen,
        .free = driver_free,
    };
    struct qmp_hypervisor *q = xcalloc(1, sizeof(*q));

    q->hv = (struct hypervisor){.ops = &ops,
                                .can = HV_OFFLINE | HV_COMPARES | HV_TAGS | HV_KEEPS_ENDED |
                                       HV_SHIELDS | HV_CONFIGURED,
                                .patience = ANSWERS_S};
    q->loop = loop;
    q->tend = tend_domain;
    ev_timer_init(&q->raise, on_raise, 0, 0);
    q->raise.data = q;
    ev_timer_init(&q->bury, on_bury, 0, 0);
    q->bury.data = q;
    q->watch.fd = -1;
    return q;
}

struct hypervisor *qmp_hypervisor_new(struct ev_loop *loop, const struct qmp_domain_config *domains,
                                      size_t n)
{
    struct qmp_hypervisor *q = new_driver(loop);

    socket_watch_start(q, connection_knock);
    for (size_t i = 0; i < n; i++)
        *VEC_ADD(&q->domains) = domain_new(q, &domains[i], &side_qemu);
    return &q->hv;
}

/* ---- images alone ---- */

struct hypervisor *qmp_images_new(struct ev_loop *loop)
{
    return &new_driver(loop)->hv;
}

static bool has_disks(const struct domain *d, const struct qmp_domain_config *config)
{
    if (d->n_disks != config->n_disks)
        return false;
    for (size_t i = 0; i < d->n_disks; i++)
        if (!str_eq(d->disks[i].name, config->disks[i].name) ||
            !str_eq(d->disks[i].image, config->disks[i].image) ||
            !str_eq(d->disks[i].format, config->disks[i].format))
            return false;
    return true;
}

static bool is_idle(const struct domain *d)
{
    return !d->tasks && !offline_of(d) && !(d->offline && d->offline->tasks);
}

int qmp_images_set(struct hypervisor *images, const struct qmp_domain_config *domain,
                   struct err *err)
{
    struct qmp_hypervisor *q = of(images);
    struct domain **at = NULL;

    for (size_t i = 0; i < q->domains.n && !at; i++)
        if (strcmp(q->domains.items[i]->name, domain->name) == 0)
            at = &q->domains.items[i];
    if (at && has_disks(*at, domain))
        return 0;
    if (at && !is_idle(*at))
        return err_set(err, ERR_BUSY, "other images of the domain are at work on");
    if (at) {
        *VEC_ADD(&q->replaced) = *at;
        ev_timer_start(q->loop, &q->bury);
    } else {
        at = VEC_ADD(&q->domains);
    }
    *at = domain_new(q, domain, &side_images);
    return 0;
}

const char *qmp_images_tag(struct hypervisor *images, const char *domain)
{
    struct err err = ERR_INIT;
    const struct domain *d = find(images, domain, &err);

    return d ? offline_tag(d) : NULL;
}

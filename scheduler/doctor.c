/* SPDX-License-Identifier: MIT
 *
 * A fresh look at everything, asked for by hand: every domain, every repository, the catalog.
 * What is fine and what to do about the rest is for the command to say.
 */
#include "scheduler/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "scheduler/doctor_priv.h"

static void doctor_free(struct doctor *d)
{
    struct scheduler *s = d->s;

    for (size_t i = 0; i < s->doctors.n; i++)
        if (s->doctors.items[i] == d)
            s->doctors.items[i--] = s->doctors.items[--s->doctors.n];
    s->env.clock->ops->stop(s->env.clock, &d->limit);
    for (size_t i = 0; i < d->visits.n; i++)
        doctor_visit_free(d->visits.items[i]);
    for (size_t i = 0; i < d->probes.n; i++)
        doctor_probe_free(d->probes.items[i]);
    free(d->visits.items);
    free(d->probes.items);
    doctor_scope_done(&d->scope);
    free(d);
}

static char *try_catalog(struct doctor *d)
{
    struct err err = ERR_INIT;

    if (catalog_seen_put(d->s->env.catalog, "catalog", "catalog", "ok", NULL, NULL,
                         env_now(&d->s->jobs), &err) < 0)
        return xstrdup(err.msg);
    return NULL;
}

/* What was found stays where it is: the answer is of this call only. */
static void answer(struct doctor *d)
{
    CLEANUP_FREE char *catalog = try_catalog(d);
    struct doctor_answer all = {
        .host = d->scope.host, .domain = d->scope.domain, .catalog_problem = catalog};

    d->answered = true;
    d->s->env.clock->ops->stop(d->s->env.clock, &d->limit);
    for (size_t i = 0; i < d->visits.n; i++)
        *VEC_ADD(&all.domains) = d->visits.items[i]->found;
    for (size_t i = 0; i < d->probes.n; i++)
        *VEC_ADD(&all.repositories) = d->probes.items[i]->found;
    d->reply.done(d->reply.ctx, NULL, &(struct api_answer){ANSWER_DOCTOR, .u.doctor = &all});
    free(all.domains.items);
    free(all.repositories.items);
}

static void on_limit(void *ctx)
{
    struct doctor *d = ctx;

    for (size_t i = 0; i < d->visits.n; i++)
        if (!d->visits.items[i]->over)
            doctor_visit_late(d->visits.items[i]);
    for (size_t i = 0; i < d->probes.n; i++)
        if (!d->probes.items[i]->over)
            doctor_probe_late(d->probes.items[i]);
    answer(d);
}

static void one_less(struct doctor *d)
{
    if (--d->waiting > 0)
        return;
    if (!d->answered)
        answer(d);
    doctor_free(d);
}

static void visit_host(struct doctor *d, const struct host *h)
{
    const struct hypervisor_ops *ops = h->hv ? h->hv->ops : NULL;
    struct strlist names = {0};
    struct err why = ERR_INIT;

    if (h->retired)
        return;
    if (!host_domains(h, &names, &why)) {
        if (h->hv)
            err_wrap(&why, "its domains are not known yet");
        doctor_visit_host(d, h->name, why.msg);
        return;
    }
    if (ops && ops->connected)
        doctor_visit_host(d, h->name, ops->connected(h->hv, &why) ? NULL : why.msg);
    for (size_t i = 0; i < names.n; i++)
        doctor_visit(d, h->name, names.items[i]);
    strlist_done(&names);
}

static void visit_all(struct doctor *d)
{
    struct scheduler *s = d->s;

    if (d->scope.domain)
        doctor_visit(d, d->scope.host, d->scope.domain);
    for (size_t i = 0; !d->scope.domain && i < s->jobs.hosts.n; i++)
        if (!d->scope.host || strcmp(d->scope.host, s->jobs.hosts.items[i]->name) == 0)
            visit_host(d, s->jobs.hosts.items[i]);
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (doctor_scope_has(d, s->jobs.repos.items[i]))
            doctor_probe(d, s->jobs.repos.items[i]);
}

void doctor_start(struct scheduler *s, const char *target, struct api_reply reply)
{
    struct doctor *d = xcalloc(1, sizeof(*d));
    struct err err = ERR_INIT;

    if (target && doctor_scope_find(s, target, &d->scope, &err) < 0) {
        doctor_scope_done(&d->scope);
        free(d);
        reply.done(reply.ctx, &err, NULL);
        return;
    }
    d->s = s;
    d->reply = reply;
    d->waiting = 1;
    d->one_less = one_less;
    d->limit = (struct alarm){.fire = on_limit, .ctx = d};
    *VEC_ADD(&s->doctors) = d;
    s->env.clock->ops->after(s->env.clock, &d->limit, DOCTOR_LIMIT_S);
    visit_all(d);
    one_less(d);
}

void doctors_free(struct scheduler *s)
{
    while (s->doctors.n > 0)
        doctor_free(s->doctors.items[0]);
    free(s->doctors.items);
}

/* SPDX-License-Identifier: MIT
 *
 * A fresh look at everything, asked for by hand: every domain, every repository, the catalog.
 * What is fine and what to do about the rest is for the command to say.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "jobs/request.h"
#include "scheduler/core.h"
#include "scheduler/scheduler.h"
#include "scheduler/watch.h"
#include "storage/catalog_frozen.h"

struct doctor {
    struct scheduler *s;
    struct api_reply reply;
    struct doctor_answer found;
    size_t waiting;
};

/* One repository that is being looked at. */
struct probe {
    struct doctor *d;
    struct repo *repo;
    struct op *op;
    struct store_space space;
};

static void doctor_free(struct doctor *d)
{
    for (size_t i = 0; i < d->found.domains.n; i++) {
        struct looked_domain *k = &d->found.domains.items[i];

        free(k->host);
        free(k->domain);
        free(k->problem);
        domain_facts_free(k->facts);
    }
    for (size_t i = 0; i < d->found.repositories.n; i++) {
        struct looked_repository *r = &d->found.repositories.items[i];

        free(r->name);
        free(r->path);
        free(r->problem);
        free(r->difference);
    }
    free(d->found.domains.items);
    free(d->found.repositories.items);
    free(d->found.catalog_problem);
    free(d);
}

static void try_catalog(struct doctor *d)
{
    struct err err = ERR_INIT;

    if (catalog_seen_put(d->s->env.catalog, "catalog", "catalog", "ok", NULL, NULL,
                         env_now(&d->s->jobs), &err) < 0)
        d->found.catalog_problem = xstrdup(err.msg);
}

static void one_less(struct doctor *d)
{
    if (--d->waiting > 0)
        return;
    try_catalog(d);
    d->reply.done(d->reply.ctx, NULL, &(struct api_answer){ANSWER_DOCTOR, .u.doctor = &d->found});
    doctor_free(d);
}

/* ---- domains ---- */

static int saw(struct request *t, struct err *err)
{
    struct doctor *d = t->reply.ctx;
    struct looked_domain *k;
    int64_t frozen;

    watch_saw_domain(scheduler_of(t->env), t->host->name, t->domain, t->facts);
    if (catalog_frozen(t->env->catalog, t->host->name, t->domain, &frozen, err) < 0)
        return -1;
    k = VEC_ADD(&d->found.domains);
    k->host = xstrdup(t->host->name);
    k->domain = xstrdup(t->domain);
    k->facts = TAKE_PTR(t->facts);
    k->frozen_since = frozen;
    return 0;
}

static void on_domain(void *ctx, const struct err *err, const struct api_answer *none)
{
    struct doctor *d = ctx;

    (void)none;
    if (err)
        VEC_ADD(&d->found.domains)->problem = xstrdup(err->msg);
    one_less(d);
}

static void look_at(struct doctor *d, const char *host, const char *domain)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);
    const struct api_reply reply = {on_domain, d};
    struct request *t;

    d->waiting++;
    t = request_new(&d->s->jobs, name, reply);
    if (t)
        request_look(t, saw);
}

static void look_at_host(struct doctor *d, struct host *h)
{
    struct strlist names = {0};
    struct err why = ERR_INIT;

    if (h->retired)
        return;
    if (!host_domains(h, &names, &why)) {
        if (h->hv)
            err_wrap(&why, "its domains are not known yet");
        *VEC_ADD(&d->found.domains) =
            (struct looked_domain){.host = xstrdup(h->name), .problem = xstrdup(why.msg)};
        return;
    }
    for (size_t i = 0; i < names.n; i++)
        look_at(d, h->name, names.items[i]);
    strlist_done(&names);
}

/* ---- repositories ---- */

static void saw_repo(struct probe *p, const struct err *err)
{
    struct repo *r = p->repo;

    watch_saw_repo(p->d->s, r, &p->space, err);
    if (!err)
        watch_repo(p->d->s, p->repo);
    *VEC_ADD(&p->d->found.repositories) =
        (struct looked_repository){.name = xstrdup(r->name),
                                   .path = xstrdup(r->path),
                                   .problem = err ? xstrdup(err->msg) : NULL,
                                   .space = p->space,
                                   .reserve = r->reserve,
                                   .difference = xstrdup(r->watch->difference)};
    repo_release(p->repo);
    one_less(p->d);
    free(p);
}

static void on_probed(void *ctx, const struct err *err)
{
    struct probe *p = ctx;

    if (!p->d->s->jobs.dead)
        saw_repo(p, err);
}

static void probe(struct doctor *d, struct repo *r)
{
    struct probe *p;
    struct err err = ERR_INIT;

    if (r->retired)
        return;
    p = xcalloc(1, sizeof(*p));
    p->d = d;
    p->repo = r;
    repo_hold(r);
    d->waiting++;
    p->op = r->store->ops->probe(r->store, !r->known, NULL, &p->space, on_probed, p, &err);
    if (!p->op)
        saw_repo(p, &err);
}

void scheduler_doctor(struct scheduler *s, const char *domain, struct api_reply reply)
{
    struct doctor *d = xcalloc(1, sizeof(*d));
    CLEANUP_FREE char *name = NULL;
    struct err err = ERR_INIT;
    struct host *host;

    if (domain && env_find_domain(&s->jobs, domain, &host, &name, &err) < 0) {
        free(d);
        reply.done(reply.ctx, &err, NULL);
        return;
    }
    *d = (struct doctor){.s = s, .reply = reply, .waiting = 1};
    if (domain)
        look_at(d, host->name, name);
    for (size_t i = 0; !domain && i < s->jobs.hosts.n; i++)
        look_at_host(d, s->jobs.hosts.items[i]);
    for (size_t i = 0; !domain && i < s->jobs.repos.n; i++)
        probe(d, s->jobs.repos.items[i]);
    one_less(d);
}

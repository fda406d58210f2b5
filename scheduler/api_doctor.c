/* SPDX-License-Identifier: MIT
 *
 * A fresh look at everything, asked for by hand: every domain, every repository, the catalog.
 * What is fine and what to do about the rest is for the command to say.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/json.h"
#include "scheduler/api.h"
#include "scheduler/api_priv.h"
#include "storage/catalog_frozen.h"

struct doctor {
    struct scheduler *s;
    struct api_reply reply;
    json_t *domains, *repositories;
    size_t waiting;
};

/* One repository that is being looked at. */
struct probe {
    struct doctor *d;
    struct repo *repo;
    struct op *op;
    struct store_space space;
};

static json_t *catalog_json(struct scheduler *s)
{
    struct err err = ERR_INIT;
    bool bad = catalog_seen_put(s->env.catalog, "catalog", "catalog", "ok", NULL, NULL,
                                sched_now(s), &err) < 0;

    return json_pack("{s:o}", "problem", report_json_text(bad ? err.msg : NULL));
}

static void one_less(struct doctor *d)
{
    if (--d->waiting > 0)
        return;
    d->reply.done(d->reply.ctx, NULL,
                  json_pack("{s:o, s:o, s:o}", "catalog", catalog_json(d->s), "domains", d->domains,
                            "repositories", d->repositories));
    free(d);
}

/* ---- domains ---- */

static json_t *disk_json(const struct disk_facts *k)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:o}", "name", report_json_text(k->name),
                     "image", report_json_text(k->image), "format", report_json_text(k->format),
                     "capacity", report_json_number((int64_t)k->capacity), "trackable",
                     k->trackable, "encrypted", k->encrypted, "busy", k->busy, "unsafe",
                     report_json_text(k->unsafe));
}

static json_t *aside_json(const struct disk_facts *k)
{
    return json_pack("{s:o, s:s, s:o}", "name", report_json_text(k->name), "what",
                     disk_facts_aside(k), "image", report_json_text(k->image));
}

static int saw(struct errand *t, struct err *err)
{
    const struct domain_facts *f = t->facts;
    json_t *disks, *asides;
    int64_t frozen;

    watch_saw_domain(t->s, t->host->name, t->domain, f);
    if (catalog_frozen(t->s->env.catalog, t->host->name, t->domain, &frozen, err) < 0)
        return -1;
    disks = json_array();
    for (size_t i = 0; i < f->disks.n; i++)
        json_array_append_new(disks, disk_json(&f->disks.items[i]));
    asides = json_array();
    for (size_t i = 0; i < f->asides.n; i++)
        json_array_append_new(asides, aside_json(&f->asides.items[i]));
    t->result = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:i, s:o, s:o}", "host", report_json_text(t->host->name),
        "domain", report_json_text(t->domain), "state", domain_state_name(f->state), "problem",
        report_json_text(f->problem), "foreign_job", report_json_text(f->foreign_job),
        "frozen_since", report_json_time(frozen), "secrets", (int)f->secrets, "disks", disks,
        "asides", asides);
    return 0;
}

static void on_domain(void *ctx, const struct err *err, json_t *result)
{
    struct doctor *d = ctx;

    if (err)
        result =
            json_pack("{s:n, s:n, s:s, s:o, s:n, s:[]}", "host", "domain", "state", "unreachable",
                      "problem", report_json_text(err->msg), "foreign_job", "disks");
    json_array_append_new(d->domains, result);
    one_less(d);
}

static void look_at(struct doctor *d, const char *host, const char *domain)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);
    const struct api_reply reply = {on_domain, d};
    struct errand *t;

    d->waiting++;
    t = errand_new(d->s, name, reply);
    if (t)
        errand_look(t, saw);
}

static void look_at_host(struct doctor *d, struct host *h)
{
    struct strlist names = {0};

    if (h->retired)
        return;
    if (!h->hv) {
        json_array_append_new(d->domains,
                              json_pack("{s:o, s:n, s:s, s:o, s:n, s:[]}", "host",
                                        report_json_text(h->name), "domain", "state", "unreachable",
                                        "problem", report_json_text(h->problem.msg), "foreign_job",
                                        "disks"));
        return;
    }
    h->hv->ops->domains(h->hv, &names);
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
    json_array_append_new(
        p->d->repositories,
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(r->name), "path",
                  report_json_text(r->path), "problem", report_json_text(err ? err->msg : NULL),
                  "free", err ? json_null() : report_json_number((int64_t)p->space.free), "total",
                  err ? json_null() : report_json_number((int64_t)p->space.total), "reserve",
                  report_json_number((int64_t)r->reserve), "difference",
                  report_json_text(r->difference)));
    repo_release(p->repo);
    one_less(p->d);
    free(p);
}

static void on_probed(void *ctx, const struct err *err)
{
    struct probe *p = ctx;

    if (!p->d->s->dead)
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
    p->op = r->store->ops->probe(r->store, !r->known, &p->space, on_probed, p, &err);
    if (!p->op)
        saw_repo(p, &err);
}

void api_doctor(struct scheduler *s, const char *domain, struct api_reply reply)
{
    struct doctor *d = xcalloc(1, sizeof(*d));
    CLEANUP_FREE char *name = NULL;
    struct err err = ERR_INIT;
    struct host *host;

    if (domain && api_find_domain(s, domain, &host, &name, &err) < 0) {
        free(d);
        reply.done(reply.ctx, &err, NULL);
        return;
    }
    *d = (struct doctor){s, reply, json_array(), json_array(), 1};
    if (domain)
        look_at(d, host->name, name);
    for (size_t i = 0; !domain && i < s->hosts.n; i++)
        look_at_host(d, s->hosts.items[i]);
    for (size_t i = 0; !domain && i < s->repos.n; i++)
        probe(d, s->repos.items[i]);
    one_less(d);
}

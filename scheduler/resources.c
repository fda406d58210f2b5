/* SPDX-License-Identifier: MIT
 *
 * Hosts and repositories in use.  After a reload an unchanged one is kept as it is, with its
 * connections.  One that is gone, and a repository that has moved, is retired: no new job gets it,
 * and it goes when the last user has.  A changed host that has users is stale: no new job gets it,
 * and it is replaced when the last user has gone.
 */
#include "scheduler/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "scheduler/core.h"

/* All that matters of a host's configuration, as one comparable text. */
static char *host_definition(const struct config_host *h)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    fprintf(f, "%d\n%s\n%s\n%s\n%s\n%d\n", (int)h->driver, h->uri ? h->uri : "",
            h->address ? h->address : "", h->scratch ? h->scratch : "", h->tls_certificates,
            h->tls_verify);
    for (size_t i = 0; i < h->domains.n; i++) {
        const struct config_domain *d = &h->domains.items[i];

        fprintf(f, "%s\n%s\n%s\n", d->name, d->qmp, d->agent ? d->agent : "");
        for (size_t k = 0; k < d->disks.n; k++)
            fprintf(f, "\t%s\n\t%s\n", d->disks.items[k].name, d->disks.items[k].image);
    }
    fclose(f);
    return text;
}

static void host_free(struct host *h)
{
    h->env->clock->ops->stop(h->env->clock, &h->watch->alarm);
    strlist_done(&h->watch->names);
    free(h->watch);
    if (h->hv)
        h->hv->ops->free(h->hv);
    free(h->name);
    free(h->definition);
    free(h);
}

static void host_retire(struct scheduler *s, size_t i)
{
    struct host *h = s->jobs.hosts.items[i];

    h->retired = true;
    if (h->users > 0)
        return;
    s->jobs.hosts.items[i] = s->jobs.hosts.items[--s->jobs.hosts.n];
    host_free(h);
}

void host_unused(struct host *h)
{
    struct scheduler *s = scheduler_of(h->env);

    if (h->stale)
        sched_kick(s);
    for (size_t i = 0; i < s->jobs.hosts.n && h->retired; i++) {
        if (s->jobs.hosts.items[i] == h) {
            host_retire(s, i);
            return;
        }
    }
}

static void host_add(struct scheduler *s, const struct config_host *c, char *definition)
{
    struct host *h = xcalloc(1, sizeof(*h));

    h->env = &s->jobs;
    h->name = xstrdup(c->name);
    h->definition = definition;
    h->hv = s->env.hypervisor_new(s->env.ctx, c, &h->problem);
    if (h->hv)
        h->hv->ops->listen(h->hv, s->told.event, h);
    else
        log_warning("host %s: %s", h->name, h->problem.msg);
    h->watch = xcalloc(1, sizeof(*h->watch));
    s->told.host_made(h);
    *VEC_ADD(&s->jobs.hosts) = h;
}

static void repo_free(struct repo *r)
{
    r->store->ops->free(r->store);
    survey_look_done(&r->watch->look);
    unknown_done(&r->watch->unknown);
    unknown_done(&r->watch->examined);
    free(r->watch->difference);
    free(r->watch->unexamined);
    free(r->watch);
    free(r->name);
    free(r->path);
    free(r->secret);
    free(r->key);
    free(r);
}

static void repo_retire(struct scheduler *s, size_t i)
{
    struct repo *r = s->jobs.repos.items[i];

    r->retired = true;
    if (r->users > 0)
        return;
    s->jobs.repos.items[i] = s->jobs.repos.items[--s->jobs.repos.n];
    repo_free(r);
}

void repo_unused(struct repo *r)
{
    struct scheduler *s = scheduler_of(r->env);

    for (size_t i = 0; i < s->jobs.repos.n && r->retired; i++) {
        if (s->jobs.repos.items[i] == r) {
            repo_retire(s, i);
            return;
        }
    }
}

static void sync_hosts(struct scheduler *s)
{
    for (size_t i = s->jobs.hosts.n; i-- > 0;) {
        struct host *h = s->jobs.hosts.items[i];
        const struct config_host *c = config_host_find(s->config, h->name);
        CLEANUP_FREE char *definition = c ? host_definition(c) : NULL;

        /* Its successor would find the monitors taken (QEMU serves one client each). */
        if (c && h->users > 0) {
            h->retired = false;
            h->stale = !str_eq(definition, h->definition);
        } else if (!str_eq(definition, h->definition)) {
            host_retire(s, i);
        }
    }
    for (size_t i = 0; i < s->config->hosts.n; i++)
        if (!host_find(&s->jobs, s->config->hosts.items[i].name))
            host_add(s, &s->config->hosts.items[i], host_definition(&s->config->hosts.items[i]));
}

bool resources_replace_stale(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.hosts.n; i++) {
        if (!s->jobs.hosts.items[i]->stale || s->jobs.hosts.items[i]->users > 0)
            continue;
        sync_hosts(s);
        return true;
    }
    return false;
}

static bool has_points(struct scheduler *s, const char *repository)
{
    const struct point_filter filter = {.repository = repository};
    struct point_list points = {0};
    struct err err = ERR_INIT;
    bool ret;

    if (catalog_points(s->env.catalog, &filter, &points, &err) < 0)
        catalog_trouble(&s->jobs, "list the points of a repository", &err);
    ret = points.n > 0 || err.code != ERR_NONE;
    point_list_done(&points);
    return ret;
}

static void load_id(struct scheduler *s, struct repo *r)
{
    CLEANUP(catalog_repository_done) struct catalog_repository known = {0};
    struct err err = ERR_INIT;
    bool found = false;

    if (catalog_repository(s->env.catalog, r->name, &known, &found, &err) < 0)
        catalog_trouble(&s->jobs, "find a repository's id", &err);
    else if (found)
        snprintf(r->store->id, sizeof(r->store->id), "%s", known.id);
}

void repo_saw_id(struct repo *r, const char *id)
{
    struct err err = ERR_INIT;

    if (r->retired)
        return;
    if (catalog_repository_see(r->env->catalog, r->name, id, r->path, env_now(r->env), &err) < 0)
        catalog_trouble(r->env, "remember a repository's id", &err);
    else
        snprintf(r->store->id, sizeof(r->store->id), "%s", id);
}

static void take_settings(struct scheduler *s, struct repo *r, const struct config_repository *c)
{
    r->reserve = c->reserve;
    r->compress = c->compress;
    free(r->secret);
    free(r->key);
    r->secret = xstrdup(c->secret);
    r->key = xstrdup(config_key_file(s->config, c));
    r->store->secret = r->secret;
    r->store->key = r->key;
}

static void sync_repos(struct scheduler *s)
{
    for (size_t i = s->jobs.repos.n; i-- > 0;) {
        struct repo *r = s->jobs.repos.items[i];
        const struct config_repository *c = config_repository_find(s->config, r->name);

        if (r->retired)
            continue;
        if (!c || strcmp(c->path, r->path) != 0)
            repo_retire(s, i);
        else
            take_settings(s, r, c);
    }
    for (size_t i = 0; i < s->config->repositories.n; i++) {
        const struct config_repository *c = &s->config->repositories.items[i];
        struct repo *r;

        if (repo_find(&s->jobs, c->name))
            continue;
        r = xcalloc(1, sizeof(*r));
        r->env = &s->jobs;
        r->watch = xcalloc(1, sizeof(*r->watch));
        r->name = xstrdup(c->name);
        r->path = xstrdup(c->path);
        r->known = has_points(s, c->name);
        r->store = s->env.store_new(s->env.ctx, c);
        take_settings(s, r, c);
        load_id(s, r);
        *VEC_ADD(&s->jobs.repos) = r;
    }
}

void resources_renew_repo(struct scheduler *s, const char *name)
{
    for (size_t i = s->jobs.repos.n; i-- > 0;)
        if (!s->jobs.repos.items[i]->retired && strcmp(s->jobs.repos.items[i]->name, name) == 0)
            repo_retire(s, i);
    sync_repos(s);
}

void resources_sync(struct scheduler *s)
{
    sync_hosts(s);
    sync_repos(s);
}

void resources_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.hosts.n; i++)
        host_free(s->jobs.hosts.items[i]);
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        repo_free(s->jobs.repos.items[i]);
    free(s->jobs.hosts.items);
    free(s->jobs.repos.items);
}

/* SPDX-License-Identifier: MIT */
#include "jobs/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/near.h"
#include "base/text.h"

void host_hold(struct host *h)
{
    h->users++;
}

void host_release(struct host *h)
{
    if (--h->users == 0)
        h->env->ops->host_unused(h);
}

struct host *host_find(struct job_env *e, const char *name)
{
    for (size_t i = 0; i < e->hosts.n; i++)
        if (!e->hosts.items[i]->retired && strcmp(e->hosts.items[i]->name, name) == 0)
            return e->hosts.items[i];
    return NULL;
}

bool host_is_awaited(const struct host *h)
{
    return h->hv && !h->known && !h->late;
}

bool host_domains(const struct host *h, struct strlist *ret, struct err *why)
{
    if (h->hv)
        return h->hv->ops->domains(h->hv, ret, why);
    if (why)
        *why = h->problem;
    return false;
}

void repo_hold(struct repo *r)
{
    r->users++;
}

void repo_release(struct repo *r)
{
    if (--r->users == 0)
        r->env->ops->repo_unused(r);
}

struct repo *repo_find(struct job_env *e, const char *name)
{
    for (size_t i = 0; i < e->repos.n; i++)
        if (!e->repos.items[i]->retired && strcmp(e->repos.items[i]->name, name) == 0)
            return e->repos.items[i];
    return NULL;
}

int env_refuse_draining(const struct job_env *e, struct err *err)
{
    return e->draining ? err_set(err, ERR_BUSY, "the daemon is shutting down") : 0;
}

/* ---- the domain that is meant ---- */

static void offer_domains(struct host *h, struct domain_search *ret)
{
    CLEANUP(strlist_done) struct strlist names = {0};

    host_domains(h, &names, NULL);
    for (size_t i = 0; i < names.n; i++)
        domain_search_offer(ret, h->name, names.items[i]);
}

static void on_remembered(void *arg, const char *host, const char *domain)
{
    domain_search_offer(arg, host, domain);
}

bool env_remembers(struct job_env *e, const char *text)
{
    CLEANUP(domain_search_done) struct domain_search found = {.text = text};
    struct err ignored = ERR_INIT;

    return catalog_domains_with_points(e->catalog, on_remembered, &found, &ignored) == 0 &&
           catalog_domains_with_jobs(e->catalog, on_remembered, &found, &ignored) == 0 &&
           found.host;
}

static void offer_near(struct job_env *e, struct near *ret)
{
    for (size_t i = 0; i < e->hosts.n; i++) {
        CLEANUP(strlist_done) struct strlist names = {0};
        struct host *h = e->hosts.items[i];

        if (h->retired || !h->hv)
            continue;
        host_domains(h, &names, NULL);
        for (size_t k = 0; k < names.n; k++)
            near_domain(ret, h->name, names.items[k]);
    }
}

static int unknown_domain(struct job_env *e, const char *text, struct err *err)
{
    struct near near = {.text = text};

    for (size_t i = 0; i < e->hosts.n; i++) {
        CLEANUP(strlist_done) struct strlist known = {0};
        const struct host *h = e->hosts.items[i];
        struct err why = ERR_INIT;

        if (h->retired || !h->hv || host_domains(h, &known, &why))
            continue;
        MARK("a domain is asked for before its host has told its domains");
        return err_set(
            err, ERR_REMOTE,
            "no host has a domain '%s', but the domains of host %s are not known yet: %s", text,
            h->name, why.msg);
    }
    if (env_remembers(e, text))
        return err_set(err, ERR_NOTFOUND,
                       "no host has a domain '%s' any more; 'vmkeep points %s' lists what is kept "
                       "of it",
                       text, text);
    err_set(err, ERR_NOTFOUND, "no host has a domain '%s'", text);
    offer_near(e, &near);
    return near_ask(&near, err);
}

int env_find_domain(struct job_env *e, const char *text, struct host **ret_host, char **ret_domain,
                    struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search found = {.text = text};

    for (size_t i = 0; i < e->hosts.n; i++) {
        struct host *h = e->hosts.items[i];

        if (h->retired)
            continue;
        if (!h->hv && domain_is_on(text, h->name)) {
            *err = h->problem;
            return err_wrap(err, "host %s", h->name);
        }
        offer_domains(h, &found);
    }
    if (domain_search_end(&found, err) < 0)
        return -1;
    if (!found.host)
        return unknown_domain(e, text, err);
    for (size_t i = 0; i < e->hosts.n; i++)
        if (!e->hosts.items[i]->retired && strcmp(e->hosts.items[i]->name, found.host) == 0)
            *ret_host = e->hosts.items[i];
    *ret_domain = TAKE_PTR(found.domain);
    return 0;
}

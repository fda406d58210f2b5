/* SPDX-License-Identifier: MIT */
#include "cli/repository_facts.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "cli/store_ask.h"

#define VIEW_S 60 /* there may be many points */

void repository_facts_done(struct repository_facts *f)
{
    catalog_repository_done(&f->known);
    repository_view_done(&f->view);
}

int repository_gather(const struct config_repository *c, struct catalog *catalog,
                      struct repository_facts *ret, struct err *err)
{
    *ret = (struct repository_facts){.config = c, .problem = ERR_INIT};
    if (catalog_repository(catalog, c->name, &ret->known, &ret->is_known, err) < 0)
        return -1;
    store_ask_view(c->path, VIEW_S, &ret->view, &ret->problem);
    return 0;
}

const char *repository_state(const struct repository_facts *f)
{
    if (f->problem.code != ERR_NONE)
        return f->problem.code == ERR_NOTFOUND ? "absent" : "unusable";
    if (f->view.is_new)
        return f->is_known ? "empty" : "new";
    if (!f->is_known)
        return "unknown";
    return strcmp(f->known.id, f->view.id) == 0 ? "ok" : "foreign";
}

char *repository_whose(const struct repository_domain *d, const char *ours)
{
    if (d->problem)
        return xstrdup(d->problem);
    if (!d->owned)
        return xstrdup("nobody's yet");
    return strcmp(d->owner.catalog, ours) == 0 ? xstrdup("ours") : owner_text(&d->owner);
}

bool repository_is_ours(const struct repository_domain *d, const char *ours)
{
    return d->owned && strcmp(d->owner.catalog, ours) == 0;
}

static bool is_of(const struct repository_domain *d, const char *host, const char *domain)
{
    CLEANUP_FREE char *host_dir = name_escape(host);
    CLEANUP_FREE char *domain_dir = name_escape(domain);
    CLEANUP_FREE char *name = xasprintf("%s/%s", host_dir, domain_dir);

    return strcmp(name, d->name) == 0;
}

bool repository_is_needed(const struct repository_domain *d, const struct domain_names *known)
{
    for (size_t i = 0; i < known->n; i++)
        if (is_of(d, known->items[i].host, known->items[i].domain))
            return true;
    return false;
}

bool repository_is_meant(const struct repository_domain *d, const char *text)
{
    CLEANUP_FREE char *host = NULL;
    CLEANUP_FREE char *domain = NULL;

    if (strcmp(text, d->name) == 0)
        return true;
    name_split_domain(text, &host, &domain);
    return host && is_of(d, host, domain);
}

const struct repository_domain *repository_domain_of(const struct repository_facts *f,
                                                     const char *point_id)
{
    for (size_t i = 0; i < f->view.domains.n; i++)
        if (repository_domain_holds(f->view.domains.items[i].name, point_id))
            return &f->view.domains.items[i];
    return NULL;
}

const struct config_repository *repository_configured(const struct config *config, const char *name)
{
    const struct config_repository *c = config_repository_find(config, name);

    if (!c)
        fprintf(stderr, "vmkeep: repository '%s': not in the configuration\n", name);
    return c;
}

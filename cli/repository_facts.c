/* SPDX-License-Identifier: MIT */
#include "cli/repository_facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/text.h"
#include "cli/known_keys.h"
#include "cli/store_ask.h"
#include "report/json.h"

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

int repository_unknown(const struct config *config, const char *given, struct err *err)
{
    CLEANUP_FREE const char **names = xcalloc(config->repositories.n + 1, sizeof(*names));
    CLEANUP_FREE char *all = NULL;
    const char *near;

    for (size_t i = 0; i < config->repositories.n; i++) {
        char *old = all;

        names[i] = config->repositories.items[i].name;
        all = xasprintf("%s%s%s", old ? old : "", old ? ", " : "", names[i]);
        free(old);
    }
    near = nearest_word(given, names, config->repositories.n);
    if (near)
        return err_set(err, ERR_NOTFOUND,
                       "no repository of the configuration is named '%s'; did you mean '%s'?",
                       given, near);
    return err_set(err, ERR_NOTFOUND, "no repository of the configuration is named '%s'%s%s", given,
                   all ? "; there is " : "", all ? all : "");
}

const struct config_repository *repository_configured(const struct config *config, const char *name)
{
    const struct config_repository *c = config_repository_find(config, name);
    struct err err = ERR_INIT;

    if (!c) {
        repository_unknown(config, name, &err);
        cli_fail(NULL, &err);
    }
    return c;
}

bool repository_may_be_path(const char *given)
{
    return strchr(given, '/') || (path_exists(given) && !path_exists(cli_config_path()));
}

int repository_locate(const char *where, const char *given, char **ret)
{
    const struct config_repository *c = NULL;
    struct config *config = NULL;
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (repository_may_be_path(given)) {
        known_keys_find();
        *ret = xstrdup(given);
        return EXIT_DONE;
    }
    code = cli_load_config(&config);
    if (code == EXIT_DONE && (c = config_repository_find(config, given))) {
        *ret = xstrdup(c->path);
    } else if (code == EXIT_DONE && path_exists(given)) {
        *ret = xstrdup(given);
    } else if (code == EXIT_DONE) {
        repository_unknown(config, given, &err);
        code = cli_fail(where, &err);
    }
    config_free(config);
    return code;
}

/* null: nothing could be looked at. */
static json_t *seen_number(const struct repository_facts *f, uint64_t n)
{
    return f->problem.code == ERR_NONE ? report_json_number((int64_t)n) : json_null();
}

json_t *repository_json(const struct repository_facts *f, const char *ours)
{
    json_t *domains = json_array();

    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];
        CLEANUP_FREE char *owner = repository_whose(d, ours);

        json_array_append_new(domains,
                              json_pack("{s:o, s:o, s:o}", "domain", report_json_text(d->name),
                                        "owner", report_json_text(owner), "points",
                                        report_json_number((int64_t)d->points)));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name",
                     report_json_text(f->config->name), "path", report_json_text(f->config->path),
                     "id", report_json_text(f->is_known ? f->known.id : NULL), "found",
                     report_json_text(*f->view.id ? f->view.id : NULL), "state",
                     repository_state(f), "problem",
                     report_json_text(f->problem.code ? f->problem.msg : NULL), "free",
                     seen_number(f, f->view.free), "total", seen_number(f, f->view.total), "points",
                     seen_number(f, f->view.points.n), "domains", domains);
}

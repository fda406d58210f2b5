/* SPDX-License-Identifier: MIT */
#include "policies/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/condition.h"
#include "base/text.h"
#include "policies/config_priv.h"

static void default_scratch(struct config *config)
{
    const char *slash = config->catalog ? strrchr(config->catalog, '/') : NULL;

    for (size_t i = 0; slash && i < config->policies.n; i++) {
        struct config_policy *p = &config->policies.items[i];

        if (!p->scratch)
            p->scratch = xasprintf("%.*s/scratch", (int)(slash - config->catalog), config->catalog);
    }
}

/* A check is pinged for as long as every promise holds. */
static void default_targets(struct config *config)
{
    for (size_t i = 0; i < config->notify.n; i++) {
        struct config_target *t = &config->notify.items[i];
        bool check = config_url_given(&t->healthchecks.at);

        if (!t->name)
            t->name = xstrdup(config_target_kind(t));
        if (t->conditions & CONFIG_BITS_NONE)
            t->conditions &= ~CONFIG_BITS_NONE;
        else if (!t->conditions)
            t->conditions = check ? 1U << CONDITION_AT_RISK | 1U << CONDITION_UNPROTECTED
                                  : (1U << CONDITION_COUNT) - 1;
    }
}

static void read_document(struct config_reader *r, struct config *config)
{
    config_walk(r, config);
    default_scratch(config);
    default_targets(config);
    for (size_t i = 0; i < config->policies.n; i++)
        config->policies.items[i].mode_given =
            config_place_of(r, &config->policies.items[i].mode) != NULL;
    config_check_errors(r, config);
    if (diagnostics_errors(r->diags) == 0)
        config_check_warnings(r, config);
    config_walk_done(r);
    yaml_document_delete(&r->doc);
}

int config_parse(const char *text, size_t len, const char *file, struct config **ret,
                 struct diagnostics *diags)
{
    struct config_reader r = {.file = file, .diags = diags};
    struct config *config = xcalloc(1, sizeof(*config));

    if (config_load_yaml(&r, text, len) == 0)
        read_document(&r, config);
    diagnostics_sort(diags);
    if (diagnostics_errors(diags) > 0) {
        config_free(config);
        return -1;
    }
    *ret = config;
    return 0;
}

static void host_done(struct config_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        struct config_domain *d = &h->domains.items[i];

        for (size_t k = 0; k < d->disks.n; k++) {
            free(d->disks.items[k].name);
            free(d->disks.items[k].image);
        }
        free(d->disks.items);
        free(d->name);
        free(d->qmp);
        free(d->agent);
    }
    free(h->domains.items);
    free(h->name);
    free(h->uri);
    free(h->address);
    free(h->scratch);
    free(h->tls_certificates);
}

static void calspec_list_done(struct calspec_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        calspec_free(l->items[i]);
    free(l->items);
}

static void url_done(struct config_url *u)
{
    free(u->url);
    free(u->url_file);
    free(u->ca);
}

static void target_done(struct config_target *t)
{
    free(t->name);
    strlist_done(&t->mail.to);
    free(t->mail.from);
    free(t->mail.via);
    free(t->mail.credentials);
    free(t->mail.ca);
    url_done(&t->webhook.at);
    free(t->webhook.headers_file);
    url_done(&t->healthchecks.at);
    strlist_done(&t->command);
    calspec_list_done(&t->report.calendar);
}

static void policy_done(struct config_policy *p)
{
    free(p->name);
    strlist_done(&p->domains);
    strlist_done(&p->disks);
    free(p->repository);
    free(p->scratch);
    calspec_list_done(&p->incremental);
    calspec_list_done(&p->full);
    calspec_list_done(&p->verify.schedule);
    for (size_t i = 0; i < p->copy_to.n; i++) {
        free(p->copy_to.items[i].repository);
        calspec_list_done(&p->copy_to.items[i].schedule);
    }
    free(p->copy_to.items);
    url_done(&p->healthchecks);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->hosts.n; i++)
        host_done(&c->hosts.items[i]);
    for (size_t i = 0; i < c->repositories.n; i++) {
        free(c->repositories.items[i].name);
        free(c->repositories.items[i].path);
        free(c->repositories.items[i].secret);
    }
    for (size_t i = 0; i < c->policies.n; i++)
        policy_done(&c->policies.items[i]);
    strlist_done(&c->unprotected);
    for (size_t i = 0; i < c->notify.n; i++)
        target_done(&c->notify.items[i]);
    free(c->notify.items);
    for (size_t i = 0; i < c->secrets.n; i++) {
        free(c->secrets.items[i].name);
        free(c->secrets.items[i].file);
    }
    free(c->secrets.items);
    free(c->hosts.items);
    free(c->repositories.items);
    free(c->policies.items);
    free(c->catalog);
    free(c->control);
    free(c->web);
    free(c->web_access.token);
    free(c->web_access.certificate);
    free(c->web_access.key);
    free(c);
}

const struct config_host *config_host_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->hosts.n; i++)
        if (str_eq(c->hosts.items[i].name, name))
            return &c->hosts.items[i];
    return NULL;
}

const struct config_repository *config_repository_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->repositories.n; i++)
        if (str_eq(c->repositories.items[i].name, name))
            return &c->repositories.items[i];
    return NULL;
}

const struct config_secret *config_secret_find(const struct config *c, const char *name)
{
    for (size_t i = 0; name && i < c->secrets.n; i++)
        if (str_eq(c->secrets.items[i].name, name))
            return &c->secrets.items[i];
    return NULL;
}

const char *config_key_file(const struct config *c, const struct config_repository *r)
{
    const struct config_secret *s = config_secret_find(c, r->secret);

    return s ? s->file : NULL;
}

const struct config_policy *config_policy_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->policies.n; i++)
        if (str_eq(c->policies.items[i].name, name))
            return &c->policies.items[i];
    return NULL;
}

const struct config_copies *config_copies_find(const struct config_policy *p,
                                               const char *repository)
{
    for (size_t i = 0; p && i < p->copy_to.n; i++)
        if (strcmp(p->copy_to.items[i].repository, repository) == 0)
            return &p->copy_to.items[i];
    return NULL;
}

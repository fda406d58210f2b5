/* SPDX-License-Identifier: MIT */
#include "report/gather/domains.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/names.h"
#include "base/near.h"
#include "base/text.h"

void domain_name_done(struct domain_name *d)
{
    free(d->host);
    free(d->domain);
    *d = (struct domain_name){0};
}

void domain_names_done(struct domain_names *l)
{
    for (size_t i = 0; i < l->n; i++)
        domain_name_done(&l->items[i]);
    free(l->items);
    *l = (struct domain_names){0};
}

void domain_names_add(struct domain_names *l, const char *host, const char *domain)
{
    struct domain_name *d = VEC_ADD(l);

    d->host = xstrdup(host);
    d->domain = xstrdup(domain);
}

static int compare(const void *a, const void *b)
{
    const struct domain_name *x = a, *y = b;
    int c = strcmp(x->host, y->host);

    return c ? c : strcmp(x->domain, y->domain);
}

void domain_names_sort(struct domain_names *l)
{
    size_t n = 0;

    if (l->n > 0)
        qsort(l->items, l->n, sizeof(*l->items), compare);
    for (size_t i = 0; i < l->n; i++) {
        if (n > 0 && compare(&l->items[n - 1], &l->items[i]) == 0)
            domain_name_done(&l->items[i]);
        else
            l->items[n++] = l->items[i];
    }
    l->n = n;
}

bool domain_names_have(const struct domain_names *l, const char *host, const char *domain)
{
    const struct domain_name key = {(char *)host, (char *)domain};

    return l->n > 0 && bsearch(&key, l->items, l->n, sizeof(*l->items), compare);
}

bool domain_names_have_host(const struct domain_names *l, const char *host)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].host, host) == 0)
            return true;
    return false;
}

/* What a QEMU host has is what the configuration says, and no more. */
static bool has_libvirt(const struct config *config)
{
    for (size_t i = 0; i < config->hosts.n; i++)
        if (config->hosts.items[i].driver == DRIVER_LIBVIRT)
            return true;
    return false;
}

int domains_known(const struct config *config, struct catalog *catalog, struct domain_names *ret,
                  struct err *err)
{
    struct seen_list seen = {0};

    if (catalog && has_libvirt(config) && catalog_seen(catalog, "domain", &seen, err) < 0)
        return -1;
    for (size_t i = 0; i < config->hosts.n; i++) {
        const struct config_host *h = &config->hosts.items[i];

        for (size_t k = 0; k < h->domains.n; k++)
            domain_names_add(ret, h->name, h->domains.items[k].name);
    }
    for (size_t i = 0; i < seen.n; i++) {
        CLEANUP_FREE char *host = NULL;
        CLEANUP_FREE char *domain = NULL;
        const struct config_host *h;

        name_split_domain(seen.items[i].name, &host, &domain);
        h = host ? config_host_find(config, host) : NULL;
        if (h && h->driver == DRIVER_LIBVIRT)
            domain_names_add(ret, host, domain);
    }
    seen_list_done(&seen);
    domain_names_sort(ret);
    return 0;
}

static void on_domain(void *arg, const char *host, const char *domain)
{
    domain_names_add(arg, host, domain);
}

/* Those with a history: they may be gone from the hosts, or the hosts from the configuration. */
static int add_remembered(struct catalog *catalog, struct domain_names *ret, struct err *err)
{
    if (catalog_domains_with_points(catalog, on_domain, ret, err) < 0 ||
        catalog_domains_with_jobs(catalog, on_domain, ret, err) < 0)
        return -1;
    domain_names_sort(ret);
    return 0;
}

static int choose(const struct domain_names *l, const char *text, struct domain_name *ret,
                  bool *ret_found, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search s = {.text = text};

    for (size_t i = 0; i < l->n; i++)
        domain_search_offer(&s, l->items[i].host, l->items[i].domain);
    if (domain_search_end(&s, err) < 0)
        return -1;
    *ret_found = s.host != NULL;
    if (s.host) {
        ret->host = TAKE_PTR(s.host);
        ret->domain = TAKE_PTR(s.domain);
    }
    return 0;
}

int domain_ask_near(const struct config *config, struct catalog *catalog, const char *text,
                    struct err *err)
{
    struct near near = {.text = text};
    struct domain_names known = {0};
    struct err ignored = ERR_INIT;

    if (domains_known(config, catalog, &known, &ignored) == 0 &&
        add_remembered(catalog, &known, &ignored) == 0)
        for (size_t i = 0; i < known.n; i++)
            near_domain(&near, known.items[i].host, known.items[i].domain);
    domain_names_done(&known);
    return near_ask(&near, err);
}

int domain_find(const struct config *config, struct catalog *catalog, const char *text,
                struct domain_name *ret, struct err *err)
{
    struct domain_names known = {0};
    bool found = false;
    int rc;

    if (!*text)
        return err_set(err, ERR_INVALID, "a domain has a name, and none is given here");
    rc = domains_known(config, catalog, &known, err);
    if (rc == 0)
        rc = choose(&known, text, ret, &found, err);
    if (rc == 0 && !found)
        rc = add_remembered(catalog, &known, err);
    if (rc == 0 && !found)
        rc = choose(&known, text, ret, &found, err);
    domain_names_done(&known);
    if (rc < 0 || found)
        return rc;
    err_set(err, ERR_NOTFOUND, "%s: no such domain", text);
    return domain_ask_near(config, catalog, text, err);
}

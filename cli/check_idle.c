/* SPDX-License-Identifier: MIT */
#include "cli/check_idle.h"

#include "base/cleanup.h"
#include "policies/selection.h"
#include "report/gather/idle.h"
#include "storage/catalog/catalog.h"

struct checking {
    const struct config *c;
    struct catalog *catalog; /* NULL: there is none that may be read */
    struct idle *idle;
};

/* domain: what is configured of it; NULL: its host has told of it. */
static int use_domain(const struct checking *k, const char *host, const char *name,
                      const struct config_domain *domain, struct err *err)
{
    CLEANUP(seen_disk_list_done) struct seen_disk_list disks = {0};

    if (k->catalog && catalog_seen_disks(k->catalog, host, name, &disks, err) < 0)
        return -1;
    for (size_t i = 0; domain && i < domain->disks.n; i++)
        seen_disk_add(&disks, domain->disks.items[i].name, NULL, NULL);
    for (size_t i = 0; i < k->c->policies.n; i++)
        if (selection_matches_domain(&k->c->policies.items[i].domains, host, name))
            idle_use(k->idle, &k->c->policies.items[i], &disks);
    return 0;
}

static int use_all(const struct checking *k, const struct domain_names *known, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < k->c->hosts.n; i++) {
        const struct config_host *h = &k->c->hosts.items[i];

        for (size_t n = 0; n < h->domains.n && rc == 0; n++)
            rc = use_domain(k, h->name, h->domains.items[n].name, &h->domains.items[n], err);
    }
    for (size_t i = 0; i < known->n && rc == 0; i++)
        if (config_host_find(k->c, known->items[i].host)->driver == DRIVER_LIBVIRT)
            rc = use_domain(k, known->items[i].host, known->items[i].domain, NULL, err);
    return rc;
}

static int find_idle(const struct config *c, struct catalog *catalog, struct reason_list *ret,
                     struct err *err)
{
    CLEANUP(domain_names_done) struct domain_names known = {0};
    struct checking k = {c, catalog, NULL};
    int rc;

    if (domains_known(c, catalog, &known, err) < 0)
        return -1;
    k.idle = idle_new(c);
    rc = use_all(&k, &known, err);
    if (rc == 0)
        idle_warn(k.idle, &known, ret);
    idle_free(k.idle);
    return rc;
}

/* Of domains that are all configured policies/config_check.c has told, with the place. */
static bool is_told(const struct config *c, const struct reason *r)
{
    for (size_t i = 0; i < c->hosts.n; i++)
        if (c->hosts.items[i].driver == DRIVER_LIBVIRT)
            return false;
    return r->code == REASON_POLICY_IDLE;
}

void check_idle(const char *path, const struct config *c, struct diagnostics *diags)
{
    CLEANUP(reason_list_done) struct reason_list found = {0};
    struct catalog *catalog = NULL;
    struct err ignored = ERR_INIT; /* what is wrong with the catalog is not the configuration's */

    if (catalog_open(c->catalog, CATALOG_READ, &catalog, &ignored) < 0)
        catalog = NULL;
    if (ignored.code == ERR_DENIED) /* who may read it is told of what is idle */
        return;
    (void)find_idle(c, catalog, &found, &ignored);
    for (size_t i = 0; i < found.n; i++)
        if (!is_told(c, &found.items[i]))
            diagnostics_add(diags, path, 0, 0, true, "%s: %s", found.items[i].text,
                            found.items[i].advice);
    catalog_close(catalog);
}

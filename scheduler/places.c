/* SPDX-License-Identifier: MIT
 *
 * What belongs to somebody on this machine, as far as the daemon knows: the configuration says most
 * of it, what domains had open when they were last looked at the rest.  See
 * storage/places/places.h.
 */
#include "scheduler/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "scheduler/core.h"
#include "storage/places/places.h"

/* ---- what a look has shown ---- */

static struct known_files *known_find(struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->known.n; i++)
        if (strcmp(s->known.items[i].host, host) == 0 &&
            strcmp(s->known.items[i].domain, domain) == 0)
            return &s->known.items[i];
    return NULL;
}

static void files_done(struct known_files *k)
{
    for (size_t i = 0; i < k->disks.n; i++) {
        free(k->disks.items[i].name);
        free(k->disks.items[i].image);
    }
    free(k->disks.items);
    strlist_done(&k->others);
    k->disks.items = NULL;
    k->disks.n = k->disks.cap = 0;
}

static void add_disk(struct known_files *k, const struct disk_facts *d)
{
    if (d->image)
        *VEC_ADD(&k->disks) =
            (struct known_disk){xstrdup(d->name), xstrdup(d->image), !str_eq(d->format, "qcow2")};
}

/* One that cannot be looked at has what it had. */
void places_saw_domain(struct scheduler *s, const char *host, const char *domain,
                       const struct domain_facts *facts)
{
    struct known_files *k = known_find(s, host, domain);

    if (facts->files.n == 0)
        return;
    if (!k) {
        k = VEC_ADD(&s->known);
        k->host = xstrdup(host);
        k->domain = xstrdup(domain);
    }
    files_done(k);
    k->others = strlist_copy(&facts->files);
    for (size_t i = 0; i < facts->disks.n; i++)
        add_disk(k, &facts->disks.items[i]);
    for (size_t i = 0; i < facts->asides.n; i++)
        add_disk(k, &facts->asides.items[i]);
}

void places_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->known.n; i++) {
        files_done(&s->known.items[i]);
        free(s->known.items[i].host);
        free(s->known.items[i].domain);
    }
    free(s->known.items);
}

/* ---- the list ---- */

/* Its guest may write into a raw image what looks like another format. */
static void add_image(struct owned_list *l, bool raw, const char *path, const char *disk,
                      const char *host, const char *domain)
{
    if (raw)
        owned_add(l, OWNED_FILE, path, "the image of disk '%s' of domain '%s/%s'", disk, host,
                  domain);
    else
        owned_add(l, OWNED_IMAGE, path, "disk '%s' of domain '%s/%s'", disk, host, domain);
}

static void add_catalog(struct owned_list *l, const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock", ".config"};

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP_FREE char *file = xasprintf("%s%s", path, suffixes[i]);

        owned_add(l, OWNED_FILE, file, i ? "a file of the catalog" : "the catalog");
    }
}

static void add_domain(struct owned_list *l, const struct config_host *h,
                       const struct config_domain *d)
{
    owned_add(l, OWNED_FILE, d->qmp, "the QMP socket of domain '%s/%s'", h->name, d->name);
    owned_add(l, OWNED_FILE, d->agent, "the guest agent's socket of domain '%s/%s'", h->name,
              d->name);
    for (size_t i = 0; i < d->disks.n; i++)
        add_image(l, d->disks.items[i].format == IMAGE_RAW, d->disks.items[i].image,
                  d->disks.items[i].name, h->name, d->name);
}

static void add_config(struct scheduler *s, struct owned_list *l)
{
    const struct config *c = s->config;

    add_catalog(l, c->catalog);
    owned_add(l, OWNED_FILE, s->env.config_path, "the configuration");
    owned_add(l, OWNED_FILE, c->control, "the daemon's control socket");
    for (size_t i = 0; i < c->secrets.n; i++)
        owned_add(l, OWNED_FILE, c->secrets.items[i].file, "the secret '%s'",
                  c->secrets.items[i].name);
    for (size_t i = 0; i < c->hosts.n; i++) {
        const struct config_host *h = &c->hosts.items[i];

        owned_add(l, OWNED_TREE, h->tls_certificates, "the TLS certificates of host '%s'", h->name);
        for (size_t k = 0; k < h->domains.n; k++)
            add_domain(l, h, &h->domains.items[k]);
    }
}

static void add_repositories(const struct config *c, struct owned_list *l)
{
    for (size_t i = 0; i < c->repositories.n; i++)
        owned_add(l, OWNED_TREE, c->repositories.items[i].path, "repository '%s'",
                  c->repositories.items[i].name);
}

static bool still_has(struct scheduler *s, const struct known_files *k)
{
    const struct host *h = host_find(&s->jobs, k->host);
    struct strlist names = {0};
    bool ret;

    if (!h || !h->hv)
        return false;
    ret = !host_domains(h, &names, NULL) || strlist_has(&names, k->domain);
    strlist_done(&names);
    return ret;
}

static void add_known(struct scheduler *s, struct owned_list *l)
{
    for (size_t i = 0; i < s->known.n; i++) {
        const struct known_files *k = &s->known.items[i];

        if (!still_has(s, k))
            continue;
        for (size_t d = 0; d < k->disks.n; d++)
            add_image(l, k->disks.items[d].raw, k->disks.items[d].image, k->disks.items[d].name,
                      k->host, k->domain);
        for (size_t f = 0; f < k->others.n; f++)
            owned_add(l, OWNED_FILE, k->others.items[f], "in use by domain '%s/%s'", k->host,
                      k->domain);
    }
}

static void add_run(const struct job_run *r, const struct job_run *except, struct owned_list *l)
{
    if (r != except && r->type->owned)
        r->type->owned(r, l);
}

void places_list(struct scheduler *s, const struct job_run *except, struct owned_list *ret)
{
    add_config(s, ret);
    add_known(s, ret);
    for (size_t i = 0; i < s->jobs.runs.n; i++)
        add_run(s->jobs.runs.items[i], except, ret);
    add_repositories(s->config, ret); /* the last: these may take long */
}

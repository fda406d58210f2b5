/* SPDX-License-Identifier: MIT */
#include "cli/check_look.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "base/fsutil.h"
#include "base/libvirt_uri.h"
#include "base/text.h"
#include "cli/check_told.h"
#include "cli/store_ask.h"
#include "storage/images/qcow2_links.h"
#include "storage/store/store_records.h"

#define LOOK_S 5.0

/* A look under way. */
struct looker {
    const char *path; /* of the configuration */
    const struct config *c;
    struct diagnostics *diags;
    struct file_list images; /* those that answer */
};

/* One disk of a domain that is configured. */
struct image {
    const struct config_host *host;
    const struct config_domain *domain;
    const struct config_disk *disk;
};

static void for_images(struct looker *l,
                       void (*look)(struct looker *l, const struct image *i, void *ctx), void *ctx)
{
    for (size_t i = 0; i < l->c->hosts.n; i++) {
        const struct config_host *h = &l->c->hosts.items[i];

        for (size_t k = 0; k < h->domains.n; k++)
            for (size_t n = 0; n < h->domains.items[k].disks.n; n++) {
                const struct image image = {h, &h->domains.items[k],
                                            &h->domains.items[k].disks.items[n]};

                look(l, &image, ctx);
            }
    }
}

/* What they are; -1: they do not answer. */
static int look_at_files(const struct strlist *names, struct file_list *ret, struct err *err)
{
    const struct files_request q = {.names = names};
    const struct ask ask = {
        files_words[FILES_LOOK], &files_request_record, &files_answer_record, &q, ret,
        .timeout_s = 0};

    return store_ask(&ask, names->items[0], LOOK_S, err);
}

/* ---- images ---- */

static void add_name(struct looker *l, const struct image *i, void *names)
{
    (void)l;
    strlist_add(names, i->disk->image);
}

static const struct file_fact *fact_of(const struct looker *l, const struct image *i)
{
    const struct file_fact *f = file_find_named(&l->images, i->disk->image);

    return f && !f->missing ? f : NULL;
}

static bool encrypts_everywhere(const struct config *c)
{
    for (size_t i = 0; i < c->repositories.n; i++)
        if (!c->repositories.items[i].secret)
            return false;
    return true;
}

/* Copies of an encrypted disk are not encrypted by that. */
static void check_image(struct looker *l, const struct image *i, void *ctx)
{
    const struct file_fact *f = file_find_named(&l->images, i->disk->image);
    CLEANUP(qcow2_links_done) struct qcow2_links links = {0};

    (void)ctx;
    if (f && f->missing) {
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "disk '%s' of domain '%s/%s': %s: %s; while the domain is shut off it "
                        "cannot be backed up",
                        i->disk->name, i->host->name, i->domain->name, i->disk->image,
                        strerror(f->missing));
        return;
    }
    if (f && i->disk->format == IMAGE_QCOW2)
        qcow2_links_read(i->disk->image, &links);
    if (links.encrypted && !encrypts_everywhere(l->c))
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "disk '%s' of domain '%s/%s' is encrypted, and its copies in a repository "
                        "are in clear text, unless that has `encrypt`",
                        i->disk->name, i->host->name, i->domain->name);
}

/* ---- sockets ---- */

static void check_qmp(const struct looker *l, const char *host, const struct config_domain *d,
                      const struct file_fact *f)
{
    if (!f->missing)
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "domain '%s/%s': %s is no socket: correct `qmp`", host, d->name, d->qmp);
    else if (d->disks.n > 0)
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "domain '%s/%s': nothing is at %s, where its QMP socket should be: that is "
                        "right while it is shut off; else correct `qmp`",
                        host, d->name, d->qmp);
    else
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "domain '%s/%s': nothing is at %s, where its QMP socket should be: start "
                        "it, or correct `qmp`, or name its images (`disks`), and it is backed up "
                        "while it is shut off, too",
                        host, d->name, d->qmp);
}

/* Gone, or something else; not: we may not look there. */
static bool is_no_socket(const struct file_fact *f)
{
    return f &&
           (f->missing ? f->missing == ENOENT || f->missing == ENOTDIR : f->type != FILE_OTHER);
}

static void check_sockets(const struct looker *l, const char *host, const struct config_domain *d,
                          const struct file_list *found)
{
    const struct file_fact *qmp = file_find_named(found, d->qmp);
    const struct file_fact *agent = d->agent ? file_find_named(found, d->agent) : NULL;

    if (is_no_socket(qmp))
        check_qmp(l, host, d, qmp);
    else if (is_no_socket(agent))
        diagnostics_add(
            l->diags, l->path, 0, 0, true,
            "domain '%s/%s': %s %s%s: correct `agent`, or start it with one; until then "
            "its backups are not quiesced",
            host, d->name, agent->missing ? "nothing is at" : d->agent,
            agent->missing ? d->agent : "is no socket",
            agent->missing ? ", where its agent's socket should be" : "");
}

static void check_all_sockets(const struct looker *l)
{
    CLEANUP(strlist_done) struct strlist names = {0};
    CLEANUP(file_list_done) struct file_list found = {0};
    struct err err = ERR_INIT;

    for (size_t i = 0; i < l->c->hosts.n; i++)
        for (size_t k = 0; k < l->c->hosts.items[i].domains.n; k++) {
            const struct config_domain *d = &l->c->hosts.items[i].domains.items[k];

            strlist_add(&names, d->qmp);
            if (d->agent)
                strlist_add(&names, d->agent);
        }
    if (names.n > 0 && look_at_files(&names, &found, &err) < 0)
        diagnostics_add(l->diags, l->path, 0, 0, true, "the sockets were not looked at: %s",
                        err.msg);
    for (size_t i = 0; i < l->c->hosts.n; i++)
        for (size_t k = 0; k < l->c->hosts.items[i].domains.n && found.n > 0; k++)
            check_sockets(l, l->c->hosts.items[i].name, &l->c->hosts.items[i].domains.items[k],
                          &found);
}

/* ---- repositories ---- */

struct shared {
    uint64_t device;
    char *first; /* an image on it; NULL: none */
    size_t n;
};

static void count_shared(struct looker *l, const struct image *i, void *ctx)
{
    const struct file_fact *f = fact_of(l, i);
    struct shared *s = ctx;

    if (!f || f->device != s->device)
        return;
    if (s->n++ == 0)
        s->first = xasprintf("disk '%s' of '%s/%s'", i->disk->name, i->host->name, i->domain->name);
}

/* What takes the disks takes their backups. */
static void check_shared(struct looker *l, const struct config_repository *r)
{
    CLEANUP(strlist_done) struct strlist names = {0};
    CLEANUP(file_list_done) struct file_list found = {0};
    const struct file_fact *f;
    struct err err = ERR_INIT;
    struct shared s = {0};

    strlist_add(&names, r->path);
    if (look_at_files(&names, &found, &err) < 0)
        return;
    f = file_find_named(&found, r->path);
    if (!f || f->missing)
        return;
    s.device = f->device;
    for_images(l, count_shared, &s);
    if (s.n == 1)
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "repository '%s' is on the file system of %s: what takes the one takes "
                        "the other; put it on another disk",
                        r->name, s.first);
    else if (s.n > 1)
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "repository '%s' is on the file system of %s and %zu more: what takes the "
                        "one takes the other; put it on another disk",
                        r->name, s.first, s.n - 1);
    free(s.first);
}

static bool has_libvirt(const struct config *c)
{
    for (size_t i = 0; i < c->hosts.n; i++)
        if (c->hosts.items[i].driver == DRIVER_LIBVIRT)
            return true;
    return false;
}

/* Which mode policies have that give none; jobs/backup_plan.c decides so. */
static void check_remote(struct looker *l, const struct config_repository *r, const char *remote)
{
    for (size_t i = 0; i < l->c->policies.n && has_libvirt(l->c); i++) {
        const struct config_policy *p = &l->c->policies.items[i];

        if (!p->mode_given && strcmp(p->repository, r->name) == 0)
            diagnostics_add(l->diags, l->path, 0, 0, true,
                            "policy '%s' gives no mode, and repository '%s' is on %s: domains of "
                            "libvirt hosts are pulled; say 'mode: pull', or push",
                            p->name, r->name, remote);
    }
}

static void check_repository(struct looker *l, const struct config_repository *r)
{
    const struct store_request q = {.repository = r->path,
                                    .may_be_empty = true,
                                    .secret = r->secret,
                                    .key = config_key_file(l->c, r)};
    struct store_space space = {0};
    const struct ask ask = {"probe", &store_request_probe, &store_answer_probe, &q,
                            &space,  .timeout_s = 0};
    struct err err = ERR_INIT;

    if (store_ask(&ask, r->path, LOOK_S, &err) < 0) {
        if (err.code != ERR_DENIED) /* the daemon may look where we may not */
            diagnostics_add(l->diags, l->path, 0, 0, true, "repository '%s': %s", r->name, err.msg);
        return;
    }
    if (space.read_only)
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "repository '%s': %s is mounted read-only: no backup can be made there",
                        r->name, r->path);
    if (*space.remote)
        check_remote(l, r, space.remote);
    check_shared(l, r);
}

/* ---- hosts on other machines ---- */

/* What a pull of theirs reads with. */
static void check_certificates(struct looker *l, const struct config_host *h)
{
    static const char *const files[] = {"ca-cert.pem", "client-cert.pem", "client-key.pem"};
    CLEANUP(strlist_done) struct strlist names = {0};
    CLEANUP(file_list_done) struct file_list found = {0};
    struct err err = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *name = xasprintf("%s/%s", h->tls_certificates, files[i]);

        strlist_add(&names, name);
    }
    if (look_at_files(&names, &found, &err) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        const struct file_fact *f = file_find_named(&found, names.items[i]);

        if (!f || !f->missing)
            continue;
        diagnostics_add(l->diags, l->path, 0, 0, true,
                        "host '%s' is another machine, so its domains are pulled over TLS, and %s "
                        "is missing: see 'tls_certificates' in vmkeep-config(5)",
                        h->name, names.items[i]);
        return;
    }
}

static void check_elsewhere(struct looker *l, const struct config_host *h)
{
    for (size_t i = 0; i < l->c->policies.n; i++) {
        const struct config_policy *p = &l->c->policies.items[i];

        if (p->mode_given && p->mode == MODE_PUSH)
            diagnostics_add(l->diags, l->path, 0, 0, true,
                            "policy '%s' pushes, and host '%s' is another machine: of its domains "
                            "it takes repository '%s' to be there under the same path, as one "
                            "directory of both; or leave out the mode, and they are pulled",
                            p->name, h->name, p->repository);
    }
    check_certificates(l, h);
}

void check_look(const char *path, const struct config *c, struct diagnostics *diags)
{
    struct looker l = {.path = path, .c = c, .diags = diags};
    CLEANUP(strlist_done) struct strlist names = {0};
    struct err err = ERR_INIT;

    for_images(&l, add_name, &names);
    if (names.n > 0 && look_at_files(&names, &l.images, &err) < 0)
        diagnostics_add(diags, path, 0, 0, true, "the images were not looked at: %s", err.msg);
    for_images(&l, check_image, NULL);
    check_all_sockets(&l);
    for (size_t i = 0; i < c->repositories.n; i++)
        check_repository(&l, &c->repositories.items[i]);
    for (size_t i = 0; i < c->hosts.n; i++)
        if (c->hosts.items[i].driver == DRIVER_LIBVIRT &&
            !libvirt_uri_is_local(c->hosts.items[i].uri))
            check_elsewhere(&l, &c->hosts.items[i]);
    check_told(path, c, diags);
    file_list_done(&l.images);
}

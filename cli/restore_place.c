/* SPDX-License-Identifier: MIT */
#include "cli/restore_place.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/images/qcow2_links.h"

static bool same_file(const struct stat *a, const char *path)
{
    struct stat b;

    return path && stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

static int refuse_repository(const struct restore_source *s, const char *dir, const char *asked,
                             struct err *err)
{
    CLEANUP_FREE char *marker = xasprintf("%s/repository.json", dir);
    struct stat st;

    if (stat(dir, &st) < 0)
        return 0;
    for (size_t i = 0; s->config && i < s->config->repositories.n; i++)
        if (same_file(&st, s->config->repositories.items[i].path))
            return err_set(err, ERR_INVALID, "%s lies in repository %s (%s); choose another place",
                           asked, s->config->repositories.items[i].name, dir);
    if (path_exists(marker))
        return err_set(err, ERR_INVALID, "%s lies in a repository (%s); choose another place",
                       asked, dir);
    return 0;
}

/* From the directory, or the lowest one above it that is there, up to the root. */
static int refuse_inside(const struct restore_source *s, const char *asked, struct err *err)
{
    CLEANUP_FREE char *dir = NULL, *there = xstrdup(asked);

    while (!(dir = realpath(there, NULL)) && strcmp(there, "/") != 0 && strcmp(there, ".") != 0) {
        char *above = path_dirname(there);

        free(there);
        there = above;
    }
    while (dir) {
        char *above;

        if (refuse_repository(s, dir, asked, err) < 0)
            return -1;
        if (strcmp(dir, "/") == 0)
            break;
        above = path_dirname(dir);
        free(dir);
        dir = above;
    }
    return 0;
}

/* ---- disks that are known ---- */

struct known_disk {
    char *image, *whose;
    char *point; /* that it was read for; NULL: the configuration has it */
};

struct known_disks {
    VEC(struct known_disk) list;
    struct strlist images;
};

static void known_done(struct known_disks *k)
{
    for (size_t i = 0; i < k->list.n; i++) {
        free(k->list.items[i].image);
        free(k->list.items[i].whose);
        free(k->list.items[i].point);
    }
    free(k->list.items);
    strlist_done(&k->images);
}

/* Each image once. */
static void add(struct known_disks *k, const char *image, const char *disk, const char *host,
                const char *domain, const char *point)
{
    if (!image || strlist_has(&k->images, image))
        return;
    strlist_add(&k->images, image);
    *VEC_ADD(&k->list) =
        (struct known_disk){.image = xstrdup(image),
                            .whose = xasprintf("disk %s of %s/%s", disk, host, domain),
                            .point = xstrdup(point)};
}

static void add_configured(const struct config *config, struct known_disks *ret)
{
    for (size_t i = 0; config && i < config->hosts.n; i++) {
        const struct config_host *h = &config->hosts.items[i];

        for (size_t k = 0; k < h->domains.n; k++) {
            const struct config_domain *d = &h->domains.items[k];

            for (size_t m = 0; m < d->disks.n; m++)
                add(ret, d->disks.items[m].image, d->disks.items[m].name, h->name, d->name, NULL);
        }
    }
}

static void add_origins(const struct point_list *points, struct known_disks *ret)
{
    for (size_t i = points->n; i-- > 0;) {
        const struct point *p = &points->items[i];

        for (size_t k = 0; k < p->disks.n; k++)
            add(ret, p->disks.items[k].origin.image, p->disks.items[k].name, p->host, p->domain,
                p->id);
    }
}

/* Of the configuration, and by where all points that are known come from: under libvirt the
 * configuration names no images. */
static int find_known(const struct restore_source *s, struct known_disks *ret, struct err *err)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    const struct point_filter all = {0};
    struct catalog *catalog = NULL;
    int rc;

    add_configured(s->config, ret);
    if (!s->config) {
        add_origins(s->all, ret);
        return 0;
    }
    if (catalog_open(s->config->catalog, CATALOG_READ, &catalog, err) < 0)
        return -1;
    rc = catalog_points(catalog, &all, &points, err);
    catalog_close(catalog);
    if (rc == 0)
        add_origins(&points, ret);
    return rc;
}

/* ---- */

static int refuse_known(const struct known_disks *known, const char *file, const struct stat *st,
                        struct err *err)
{
    for (size_t i = 0; i < known->list.n; i++) {
        const struct known_disk *d = &known->list.items[i];

        if (!same_file(st, d->image))
            continue;
        if (!d->point)
            return err_set(err, ERR_EXISTS, "%s is %s; choose another directory", file, d->whose);
        return err_set(err, ERR_EXISTS,
                       "%s is where %s lay at %s; choose another directory, or give it back its "
                       "contents with --onto or --in-place",
                       file, d->whose, d->point);
    }
    return 0;
}

/* By the images of disks that are known, and by those that lie beside it. */
static int refuse_base(const struct known_disks *known, const char *file, const struct stat *st,
                       struct err *err)
{
    CLEANUP_FREE char *real = realpath(file, NULL), *dir = NULL, *above = NULL;

    for (size_t i = 0; i < known->list.n; i++)
        if (qcow2_stands_on(known->list.items[i].image, st))
            return err_set(err, ERR_EXISTS, "%s: %s stands on it (%s); choose another place", file,
                           known->list.items[i].whose, known->list.items[i].image);
    dir = real && S_ISREG(st->st_mode) ? path_dirname(real) : NULL;
    above = dir ? qcow2_above(dir, st) : NULL;
    return above
               ? err_set(err, ERR_EXISTS, "%s: %s stands on it; choose another place", file, above)
               : 0;
}

int restore_place_alone(const struct restore_source *s, const char *file, struct err *err)
{
    CLEANUP(known_done) struct known_disks known = {0};
    struct stat st;

    if (stat(file, &st) < 0)
        return 0;
    return find_known(s, &known, err) < 0 ? -1 : refuse_base(&known, file, &st, err);
}

static int refuse_image(const struct restore_source *s, const char *file, struct err *err)
{
    CLEANUP(known_done) struct known_disks known = {0};
    struct stat st;

    if (stat(file, &st) < 0)
        return 0;
    if (find_known(s, &known, err) < 0 || refuse_known(&known, file, &st, err) < 0)
        return -1;
    return refuse_base(&known, file, &st, err);
}

int restore_place_check(const struct restore_source *s, const struct point *p, const char *dir,
                        const char *format, const struct strlist *disks, struct err *err)
{
    if (refuse_inside(s, dir, err) < 0)
        return -1;
    for (size_t i = 0; i < p->disks.n; i++) {
        CLEANUP_FREE char *name = name_escape(p->disks.items[i].name);
        CLEANUP_FREE char *file = xasprintf("%s/%s.%s", dir, name, format);

        if ((disks->n == 0 || strlist_has(disks, p->disks.items[i].name)) &&
            refuse_image(s, file, err) < 0)
            return -1;
    }
    return 0;
}

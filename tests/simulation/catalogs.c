/* SPDX-License-Identifier: MIT
 *
 * Catalogs that are put back to an older state, or lost, and rebuilt later, with the real rebuild
 * (storage/rebuild/rebuild.h) from the repository as it would lie on a disk; see run.h.
 *
 * The daemon lives on with such a catalog for some hours or days, until somebody reads what it
 * says and rebuilds.  Meanwhile and after that it must not use a number again, nor let go of
 * anything as long as there are points that it does not know; it must say so; and a rebuilt catalog
 * knows every point that is there.
 */
#include "tests/simulation/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/repository/catalog_copies.h"
#include "storage/repository/manifest.h"
#include "storage/repository/owner.h"
#include "storage/rebuild/rebuild.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define NOTICED_MS (3 * HOUR_MS) /* with the hourly look, two of which may fail */

/* ---- files ---- */

static void must(int rc, const char *what, const struct err *err)
{
    if (rc < 0)
        sim_broken("%s: %s", what, err->msg);
}

static void copy_file(const char *from, const char *to)
{
    CLEANUP_FREE char *data = NULL;
    struct err err = ERR_INIT;
    size_t len;

    must(read_file(from, (size_t)1 << 30, &data, &len, &err), from, &err);
    unlink(to);
    must(write_file_durably(to, data, len, 0600, &err), to, &err);
}

static void remove_file(const struct sim_daemon *d, const char *suffix)
{
    CLEANUP_FREE char *path = xasprintf("%s%s", d->catalog_path, suffix);

    unlink(path);
}

static void remove_catalog(const struct sim_daemon *d)
{
    remove_file(d, "");
    remove_file(d, "-wal");
    remove_file(d, "-shm");
}

void medium_make(struct sim_medium *m, int number)
{
    CLEANUP_FREE char *marker = NULL, *text = NULL;
    struct err err = ERR_INIT;

    snprintf(m->id, sizeof(m->id), "51a000000000000%d", number);
    snprintf(m->dir, sizeof(m->dir), "%s/medium%d", sim.dir, number);
    marker = xasprintf("%s/repository.json", m->dir);
    text = xasprintf("{\"format\": 1, \"id\": \"%s\"}\n", m->id);
    must(mkdir_all(m->dir, 0755, &err), m->dir, &err);
    must(write_file_durably(marker, text, strlen(text), 0600, &err), marker, &err);
}

/* ---- the repository as it would lie on a disk ---- */

/* As repository_pin does. */
static void write_pin(const struct sim_medium *m, const struct point *p)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s/pin.json", m->dir, p->id);
    CLEANUP_FREE char *text = xasprintf("{\"format\": 1, \"since\": %lld, \"until\": %lld}",
                                        (long long)p->pin.since, (long long)p->pin.until);
    struct err err = ERR_INIT;

    if (p->pin.since)
        must(write_file_durably(file, text, strlen(text), 0600, &err), file, &err);
}

static void write_point(const struct sim_medium *m, const struct point *p)
{
    CLEANUP_FREE char *dir = xasprintf("%s/%s", m->dir, p->id);
    CLEANUP_FREE char *file = xasprintf("%s/point.json", dir);
    CLEANUP_FREE char *text = manifest_write(p);
    struct err err = ERR_INIT;

    must(mkdir_all(dir, 0755, &err), dir, &err);
    must(write_file_durably(file, text, strlen(text), 0600, &err), file, &err);
    write_pin(m, p);
}

static void write_owner(const struct sim_medium *m, const struct sim_owner *o)
{
    CLEANUP_FREE char *dir = xasprintf("%s/sim/%s", m->dir, o->domain);
    CLEANUP(owner_done) struct owner owner = {0};
    CLEANUP_CLOSE int fd = -1;
    struct err err = ERR_INIT;

    must(mkdir_all(dir, 0755, &err), dir, &err);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    owner_here(o->catalog, sim.daemons[o->daemon - 1].catalog_path, &owner);
    must(owner_take_over(fd, dir, &owner, sim_wall(&sim.w), &err), dir, &err);
}

static void write_tree(const struct sim_medium *m)
{
    for (size_t i = 0; i < m->owners.n; i++)
        write_owner(m, &m->owners.items[i]);
    for (size_t i = 0; i < m->points.n; i++)
        if (m->points.items[i]->published)
            write_point(m, &m->points.items[i]->point);
}

/* ---- trouble ---- */

/* What was in the making then, and what is left of failures, nobody may know any more. */
static void orphan_on(const struct sim_daemon *d, const struct sim_medium *m)
{
    for (size_t i = 0; i < m->points.n; i++) {
        struct sim_stored *p = m->points.items[i];

        if (!p->published && sim_daemon_of(&sim.w, p->point.catalog) == d->number)
            p->orphan = true;
    }
}

/* On the disk that is away, too. */
static void orphan(const struct sim_daemon *d)
{
    orphan_on(d, &sim.w.repo.here);
    orphan_on(d, &sim.w.repo.aside);
}

static void removals_known(const struct sim_daemon *d, void (*each)(struct sim_stored *p))
{
    struct sim_medium *media[] = {&sim.w.repo.here, &sim.w.repo.aside};

    for (size_t k = 0; k < ARRAY_LEN(media); k++)
        for (size_t i = 0; i < media[k]->points.n; i++)
            if (sim_daemon_of(&sim.w, media[k]->points.items[i]->point.catalog) == d->number)
                each(media[k]->points.items[i]);
}

static void is_saved(struct sim_stored *p)
{
    p->removal_saved = p->removal;
}

/* One that was put aside knows what had begun by then. */
static void is_put_back(struct sim_stored *p)
{
    p->removal = p->removal_saved;
}

void catalog_save_now_and_then(const struct sim_daemon *d)
{
    bool wanted = sim.w.repo.keeps_catalogs && !d->forgets && path_exists(d->catalog_path);

    if (!wanted || (path_exists(d->saved_path) && !sim_chance(&sim.w, 500)))
        return;
    copy_file(d->catalog_path, d->saved_path);
    removals_known(d, is_saved);
}

static void note_recorded(const struct sim_daemon *d)
{
    struct catalog *c = NULL;
    struct err err = ERR_INIT;

    must(catalog_open(d->catalog_path, CATALOG_READ, &c, &err), "catalog", &err);
    sim_note_recorded(&sim.w, d->number, c);
    catalog_close(c);
}

/* What the world remembers of its jobs is of another life. */
static void forget_queued(const struct sim_daemon *d)
{
    size_t n = 0;

    for (size_t i = 0; i < sim.queued.n; i++)
        if (sim.queued.items[i].daemon != d->number)
            sim.queued.items[n++] = sim.queued.items[i];
    sim.queued.n = n;
}

void catalog_goes(struct sim_daemon *d, bool lost)
{
    if (!d->down) {
        daemon_gone(d);
        daemon_back_later(d);
    }
    note_recorded(d);
    removals_known(d, lost ? sim_removal_refused : is_put_back);
    orphan(d);
    remove_catalog(d);
    if (lost)
        sim_qemu_kill_busy(d->host); /* the machine's disk went, and all that ran there */
    else
        copy_file(d->saved_path, d->catalog_path);
    sim.w.counts.lost += lost;
    log_debug("day %lld: the catalog of daemon %d is %s", (long long)(sim.w.now_ms / DAY_MS),
              d->number, lost ? "lost" : "put back");
    sim.w.counts.put_back += !lost;
    d->forgets = sim.w.daemons[d->number].forgets = true;
    d->lives_on = false;
    d->catalogs++;
    forget_queued(d);
    sim_at(&sim.w, HOUR_MS * (1 + (int64_t)sim_random(&sim.w, 72)), false, catalog_rebuild, d);
}

void catalog_trouble_comes(void *unused)
{
    struct sim_daemon *d = &sim.daemons[sim_random(&sim.w, (uint32_t)sim.n_daemons)];

    if (sim.quiet)
        return;
    sim_at(&sim.w, HOUR_MS * (1 + (int64_t)sim_random(&sim.w, 10 * 24)), false,
           catalog_trouble_comes, unused);
    if (!d->forgets && !sim.w.repo.swapped && path_exists(d->catalog_path) &&
        path_exists(d->saved_path))
        catalog_goes(d, sim_chance(&sim.w, 4000));
}

/* ---- what must hold ---- */

static bool knows_all(const struct sim_daemon *d, struct catalog *c, const char **ret_lacks)
{
    const struct point_filter all = {0};
    struct point_list known = {0};
    struct err err = ERR_INIT;
    bool ret = true;

    must(catalog_points(c, &all, &known, &err), "catalog", &err);
    for (size_t i = 0; i < sim.w.repo.here.points.n; i++) {
        const struct sim_stored *p = sim.w.repo.here.points.items[i];

        if (p->published && p->recorded &&
            sim_owner_of(&sim.w.repo, p->point.domain) == d->number &&
            !point_list_find(&known, p->point.id)) {
            ret = false;
            *ret_lacks = p->point.id;
        }
    }
    point_list_done(&known);
    return ret;
}

static bool says_that_it_differs(struct catalog *c)
{
    struct seen_list rows = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    must(catalog_seen(c, "difference", &rows, &err), "catalog", &err);
    for (size_t i = 0; i < rows.n; i++)
        ret = ret || str_eq(rows.items[i].state, "differs");
    seen_list_done(&rows);
    return ret;
}

/* One that has been up for a while, as has the repository, has noticed. */
static void check_noticed(const struct sim_daemon *d)
{
    const char *lacks = NULL;

    if (d->down || sim.w.now_ms - d->up_ms < NOTICED_MS ||
        sim.w.now_ms - sim.w.repo.back_ms < NOTICED_MS || knows_all(d, d->catalog, &lacks))
        return;
    if (!says_that_it_differs(d->catalog))
        sim_broken("daemon %d does not say that its catalog lacks %s", d->number, lacks);
    sim.w.counts.noticed++;
}

/* ---- rebuilding ---- */

static bool owns_some(const struct sim_daemon *d)
{
    for (size_t i = 0; i < sim.w.repo.here.owners.n; i++)
        if (sim.w.repo.here.owners.items[i].daemon == d->number)
            return true;
    return false;
}

/* As an administrator would: who has nothing there, or is asked whose points are meant, names the
 * daemon's own catalog. */
static void choose(struct rebuild *r, const struct sim_daemon *d)
{
    struct err err = ERR_INIT;

    if (owns_some(d) && rebuild_choose(r, NULL, &err) == 0)
        return;
    err = ERR_INIT;
    must(rebuild_choose(r, d->catalog_id, &err), "rebuild, choose", &err);
}

/* All of its points there are known again, and count. */
static void check_rebuilt(struct sim_daemon *d)
{
    struct catalog *c = NULL;
    struct err err = ERR_INIT;
    const char *lacks = NULL;

    must(catalog_open(d->catalog_path, CATALOG_READ, &c, &err), "rebuilt catalog", &err);
    for (size_t i = 0; i < sim.w.repo.here.points.n; i++) {
        struct sim_stored *p = sim.w.repo.here.points.items[i];

        p->recorded = p->recorded ||
                      (p->published && sim_owner_of(&sim.w.repo, p->point.domain) == d->number);
    }
    if (!knows_all(d, c, &lacks))
        sim_broken("the rebuilt catalog does not know %s", lacks);
    catalog_close(c);
}

static void rebuild_catalog(struct sim_daemon *d)
{
    const struct sim_medium *m = &sim.w.repo.here;
    CLEANUP_FREE char *tree = xasprintf("%s/sim", m->dir);
    struct rebuild *r = NULL;
    struct err err = ERR_INIT;

    write_tree(m);
    must(rebuild_new(d->catalog_path, true, &r, &err), "rebuild", &err);
    must(rebuild_add(r, "main", m->dir, &err), "rebuild, add", &err);
    choose(r, d);
    orphan(d);
    if (!str_eq(r->id, d->catalog_id)) {
        forget_queued(d);
        sim_qemu_kill_busy(d->host); /* of what it did under the other id nobody knows any more */
    }
    must(rebuild_make(r, sim_wall(&sim.w), &err), "rebuild, make", &err);
    if (r->kept)
        unlink(r->kept);
    rebuild_free(r);
    sim_remove_tree(tree);
    check_rebuilt(d);
    d->rebuilt = true;
    sim.w.counts.rebuilt++;
    log_debug("day %lld: the catalog of daemon %d is rebuilt", (long long)(sim.w.now_ms / DAY_MS),
              d->number);
}

void catalog_rebuild(void *daemon)
{
    struct sim_daemon *d = daemon;
    bool was_down = d->down;

    if (!d->forgets)
        return;
    if (!d->lives_on || sim.w.repo.gone || sim.w.repo.swapped || sim.w.leap) {
        sim_at(&sim.w, HOUR_MS, false, catalog_rebuild, d);
        return;
    }
    check_noticed(d);
    if (!was_down)
        daemon_gone(d);
    rebuild_catalog(d);
    d->catalogs++;
    d->forgets = sim.w.daemons[d->number].forgets = false;
    unlink(d->saved_path); /* the next one is of this catalog */
    if (!was_down)
        daemon_back_later(d);
}

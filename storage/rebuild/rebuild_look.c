/* SPDX-License-Identifier: MIT
 *
 * Rebuilding a catalog, first part: what there is to make it from. */
#include "storage/rebuild/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/catalog_copies.h"
#include "storage/catalog/catalog_priv.h"
#include "storage/repository/owner.h"
#include "storage/rebuild/rebuild_debris.h"
#include "storage/rebuild/rebuild_notes.h"
#include "storage/repository/repository_priv.h"

/* ---- catalogs ---- */

/* Into memory, page by page: what is brought to our schema there stays as it is on disk. */
static int load(struct db *mem, const char *path, bool immutable, struct err *err)
{
    CLEANUP_FREE char *uri = immutable ? db_immutable_uri(path) : NULL;
    struct db file = {.path = (char *)path, .lock = -1};
    sqlite3_backup *backup;
    int rc = -1;

    if (db_open_handle(&file, uri ? uri : path, SQLITE_OPEN_READONLY | (uri ? SQLITE_OPEN_URI : 0),
                       err) == 0 &&
        db_open_handle(mem, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, err) == 0) {
        backup = sqlite3_backup_init(mem->h, "main", file.h, "main");
        if (backup)
            sqlite3_backup_step(backup, -1);
        rc = backup && sqlite3_backup_finish(backup) == SQLITE_OK ? 0 : db_fail(mem, err);
    }
    sqlite3_close(file.h);
    return rc;
}

static int64_t query_number(struct db *db, const char *text)
{
    sqlite3_stmt *st = NULL;
    struct err ignored = ERR_INIT;
    int64_t ret = 0;

    if (db_prepare(db, text, 0, &st, &ignored) == 0 && sqlite3_step(st) == SQLITE_ROW)
        ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return ret;
}

static int examine(struct catalog *c, struct err *err)
{
    int version = 0;
    bool found = false;
    int rc = db_examine(&c->db, &version, err);
    struct err ignored = ERR_INIT;

    if (rc == 0 && version == 0)
        return err_set(err, ERR_NOTFOUND, "it is empty");
    if (rc == 0)
        rc = db_migrate(&c->db, version, err);
    /* The id may be readable where all else is not. */
    if (catalog_read_id(c, &found, rc == 0 ? err : &ignored) < 0)
        return -1;
    if (rc == 0 && !found)
        return err_set(err, ERR_CORRUPT, "it has no id");
    return rc;
}

static void add_source(struct rebuild *r, const char *path, bool is_catalog)
{
    struct catalog *c = xcalloc(1, sizeof(*c));
    struct rebuild_source *s = VEC_ADD(&r->sources);
    struct err err = ERR_INIT;

    s->path = xstrdup(path);
    s->is_catalog = is_catalog;
    c->db = (struct db){.path = xstrdup(path), .lock = -1};
    if (load(&c->db, path, !is_catalog, &err) < 0 || examine(c, &err) < 0) {
        s->problem = xstrdup(err.msg);
    } else {
        s->catalog = c;
        s->last_job = query_number(
            &c->db, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'job'");
        s->points = (size_t)query_number(&c->db, "SELECT count(*) FROM point");
        s->jobs = (size_t)query_number(&c->db, "SELECT count(*) FROM job");
        s->checkpoints = (size_t)query_number(&c->db, "SELECT count(*) FROM checkpoint");
    }
    snprintf(s->id, sizeof(s->id), "%s", c->id);
    if (!s->catalog)
        catalog_close(c);
}

int rebuild_new(const char *path, bool keep_out, struct rebuild **ret, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(path);
    struct rebuild *r = xcalloc(1, sizeof(*r));
    struct db lock = {.path = (char *)path, .lock = -1};
    int rc = 0;

    if (keep_out && (rc = mkdir_all(dir, 0755, err)) == 0)
        rc = db_take_lock(&lock, err);
    r->path = xstrdup(path);
    r->lock = lock.lock;
    if (rc < 0) {
        rebuild_free(r);
        return -1;
    }
    if (path_exists(path))
        add_source(r, path, true);
    *ret = r;
    return 0;
}

void rebuild_free(struct rebuild *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->sources.n; i++) {
        free(r->sources.items[i].path);
        free(r->sources.items[i].problem);
        catalog_close(r->sources.items[i].catalog);
    }
    for (size_t i = 0; i < r->places.n; i++) {
        free(r->places.items[i].name);
        free(r->places.items[i].path);
    }
    for (size_t i = 0; i < r->domains.n; i++) {
        free(r->domains.items[i].repository);
        free(r->domains.items[i].host);
        free(r->domains.items[i].domain);
        free(r->domains.items[i].owner);
    }
    for (size_t i = 0; i < r->debris.n; i++) {
        free(r->debris.items[i].repository);
        free(r->debris.items[i].id);
    }
    free(r->debris.items);
    free(r->domains.items);
    free(r->sources.items);
    free(r->places.items);
    point_list_done(&r->points);
    strlist_done(&r->notes);
    strlist_done(&r->missing);
    free(r->path);
    free(r->kept);
    if (r->lock >= 0)
        close(r->lock);
    free(r);
}

/* ---- repositories ---- */

struct rebuild_domain *rebuild_domain_of(const struct rebuild *r, const struct point *p)
{
    for (size_t i = r->domains.n; i-- > 0;) {
        struct rebuild_domain *d = &r->domains.items[i];

        if (str_eq(d->host, p->host) && str_eq(d->domain, p->domain) &&
            str_eq(d->repository, p->repository))
            return d;
    }
    return NULL;
}

/* By the owner's file; in directories of older versions by who made the last point there. */
static void note_owner(struct rebuild *r, const char *path, const struct point *p)
{
    struct rebuild_domain *d = rebuild_domain_of(r, p);
    CLEANUP_CLOSE int dir = -1;
    CLEANUP(owner_done) struct owner owner = {0}, self = {0};
    struct err err = ERR_INIT;
    bool found = false;

    if (!d) {
        d = VEC_ADD(&r->domains);
        *d = (struct rebuild_domain){.repository = xstrdup(p->repository),
                                     .host = xstrdup(p->host),
                                     .domain = xstrdup(p->domain)};
        owner_here("", r->path, &self);
        if (find_domain_dir(path, p->id, &dir, &err) < 0 ||
            (dir >= 0 && owner_read(dir, p->id, &owner, &found, &err) < 0)) {
            rebuild_note(r, "repository %s: %s", p->repository, err.msg);
            d->elsewhere = true; /* as far as is known */
        }
        if (found) {
            d->owner = xstrdup(owner.catalog);
            d->here = owner_is_same_place(&owner, &self);
            d->elsewhere = !d->here;
            d->said = true;
        }
    }
    if (!d->said && p->catalog) {
        free(d->owner);
        d->owner = xstrdup(p->catalog);
    }
}

static void take_found(struct rebuild *r, const char *name, const char *path,
                       struct point_list *found)
{
    for (size_t i = 0; i < found->n; i++) {
        struct point *p = &found->items[i];

        if (point_list_find(&r->points, p->id)) {
            rebuild_note(r, "point %s is in repository %s as well: left out there", p->id, name);
            point_done(p);
            continue;
        }
        free(p->repository);
        p->repository = xstrdup(name);
        note_owner(r, path, p);
        *VEC_ADD(&r->points) = *p;
    }
    free(found->items);
}

int rebuild_add(struct rebuild *r, const char *name, const char *path, struct err *err)
{
    struct point_list found = {0};
    struct strlist damaged = {0};
    struct catalog_copies copies = {0};
    struct rebuild_place *place;

    if (repository_open(path, false, err) < 0 || repository_list(path, &found, &damaged, err) < 0 ||
        catalog_copies_list(path, &copies, err) < 0 ||
        rebuild_find_debris(r, name, path, err) < 0) {
        point_list_done(&found);
        strlist_done(&damaged);
        return err_wrap(err, "repository %s", name);
    }
    place = VEC_ADD(&r->places);
    *place = (struct rebuild_place){xstrdup(name), xstrdup(path), found.n, 0};
    take_found(r, name, path, &found);
    for (size_t i = 0; i < damaged.n; i++)
        rebuild_note(r, "repository %s: %s: left out", name, damaged.items[i]);
    for (size_t i = 0; i < copies.n; i++) {
        add_source(r, copies.items[i].path, false);
        if (copies.items[i].job > r->sources.items[r->sources.n - 1].last_job)
            r->sources.items[r->sources.n - 1].last_job = copies.items[i].job;
    }
    strlist_done(&damaged);
    catalog_copies_done(&copies);
    return 0;
}

/* ---- whose points ---- */

static const char *owner_of(const struct rebuild *r, const struct point *p)
{
    return rebuild_domain_of(r, p)->owner;
}

static size_t count_points(const struct rebuild *r, const char *owner)
{
    size_t n = 0;

    for (size_t i = 0; i < r->points.n; i++)
        n += str_eq(owner_of(r, &r->points.items[i]), owner);
    return n;
}

/* Whose points are there; where there are none, whose copies. */
static void list_ids(const struct rebuild *r, struct strlist *ret)
{
    for (size_t i = 0; i < r->domains.n; i++)
        if (r->domains.items[i].owner && !strlist_has(ret, r->domains.items[i].owner))
            strlist_add(ret, r->domains.items[i].owner);
    for (size_t i = 0; i < r->sources.n && r->domains.n == 0; i++)
        if (!r->sources.items[i].is_catalog && *r->sources.items[i].id &&
            !strlist_has(ret, r->sources.items[i].id))
            strlist_add(ret, r->sources.items[i].id);
}

/* Of the catalogs that this machine had under this path, one after the other, the one with the most
 * points; NULL: none. */
static const char *find_here(const struct rebuild *r)
{
    const char *ret = NULL;
    size_t most = 0;

    for (size_t i = 0; i < r->domains.n; i++) {
        const struct rebuild_domain *d = &r->domains.items[i];
        size_t n = d->here ? count_points(r, d->owner) : 0;

        if (n > most) {
            most = n;
            ret = d->owner;
        }
    }
    return ret;
}

static int refuse_many(const struct rebuild *r, const struct strlist *ids, struct err *err)
{
    char list[ERR_MSG_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < ids->n && len < sizeof(list); i++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s with %zu point%s",
                                i ? ", " : "", ids->items[i], count_points(r, ids->items[i]),
                                plural_s(count_points(r, ids->items[i])));
    }
    return err_set(err, ERR_INVALID,
                   "it does not follow which catalog this was; at work there were: %s; say which "
                   "with --id (--id " REBUILD_NEW ": none of them)",
                   list);
}

/* The former file, whole, is one that did something: that the only points there are another's says
 * that the two share a repository, not that it is that one. */
static bool has_worked(const struct rebuild *r, const char *former)
{
    return *former && r->sources.items[0].jobs > 0;
}

/* A directory of it says that the catalog is, or was, under another path or on another machine: a
 * neighbour that lives, or ours before it moved. */
static bool is_elsewhere(const struct rebuild *r, const char *id)
{
    for (size_t i = 0; i < r->domains.n; i++)
        if (r->domains.items[i].elsewhere && str_eq(r->domains.items[i].owner, id))
            return true;
    return false;
}

static bool has_copy(const struct rebuild *r, const char *id)
{
    for (size_t i = 0; i < r->sources.n; i++)
        if (str_eq(r->sources.items[i].id, id))
            return true;
    return false;
}

/* Ours, too, if it is of one who can be told neither by points nor by the former file: who has no
 * points there loses nothing by being asked. */
static bool is_doubtful(const struct rebuild *r, const struct strlist *ids)
{
    return ids->n > 1 || (ids->n == 1 && (r->domains.n == 0 || is_elsewhere(r, ids->items[0])));
}

static int draw_new(struct rebuild *r, const char *from, struct err *err)
{
    r->id_from = from;
    return catalog_draw_id(r->id, err);
}

static int choose_asked(struct rebuild *r, const struct strlist *ids, const char *id,
                        struct err *err)
{
    if (str_eq(id, REBUILD_NEW))
        return draw_new(r, "new, as asked for", err);
    if (!strlist_has(ids, id) && !has_copy(r, id))
        return err_set(err, ERR_NOTFOUND, "no catalog %s has been at work there", id);
    snprintf(r->id, sizeof(r->id), "%s", id);
    r->id_from = "as asked for";
    return 0;
}

static int choose_id(struct rebuild *r, const char *id, struct err *err)
{
    const char *former =
        r->sources.n > 0 && r->sources.items[0].is_catalog ? r->sources.items[0].id : "";
    CLEANUP(strlist_done) struct strlist ids = {0};

    list_ids(r, &ids);
    if (id) {
        return choose_asked(r, &ids, id, err);
    } else if (find_here(r)) {
        snprintf(r->id, sizeof(r->id), "%s", find_here(r));
        r->id_from = "of the owner of most points";
    } else if (*former && (ids.n == 0 || strlist_has(&ids, former))) {
        snprintf(r->id, sizeof(r->id), "%s", former);
        r->id_from = "of the former file";
    } else if (is_doubtful(r, &ids) || has_worked(r, former)) {
        if (has_worked(r, former) && !strlist_has(&ids, former))
            strlist_add(&ids, former);
        return refuse_many(r, &ids, err);
    } else if (ids.n == 1) {
        snprintf(r->id, sizeof(r->id), "%s", ids.items[0]);
        r->id_from = "of what lies in the repositories";
    } else {
        return draw_new(r, "new: nothing that was found has one", err);
    }
    return 0;
}

static struct rebuild_place *place_of(struct rebuild *r, const char *name)
{
    for (size_t i = 0; i < r->places.n; i++)
        if (str_eq(r->places.items[i].name, name))
            return &r->places.items[i];
    return NULL;
}

/* In this place, now or before another one came: what was here is one heritage. */
static bool was_here(const struct rebuild *r, const char *id)
{
    for (size_t i = 0; i < r->points.n; i++) {
        const struct rebuild_domain *d = rebuild_domain_of(r, &r->points.items[i]);

        if (d->here && (str_eq(d->owner, id) || str_eq(r->points.items[i].catalog, id)))
            return true;
    }
    return false;
}

/* Those of other catalogs stay theirs; but of catalogs that were lost here, all are ours. */
static void choose_points(struct rebuild *r, bool asked)
{
    bool take_here = !asked || was_here(r, r->id);
    struct point_list ours = {0};
    CLEANUP_FREE bool *taken = xcalloc(r->points.n + 1, sizeof(*taken));

    for (size_t i = 0; i < r->points.n; i++) {
        const char *owner = owner_of(r, &r->points.items[i]);

        taken[i] = !owner || str_eq(owner, r->id) ||
                   (take_here && rebuild_domain_of(r, &r->points.items[i])->here);
    }
    rebuild_tell_left(r, taken);
    for (size_t i = 0; i < r->points.n; i++) {
        if (taken[i]) {
            *VEC_ADD(&ours) = r->points.items[i];
            place_of(r, r->points.items[i].repository)->taken++;
        } else {
            point_done(&r->points.items[i]);
        }
    }
    free(r->points.items);
    r->points.items = ours.items;
    r->points.n = ours.n;
    r->points.cap = ours.cap;
}

static int compare_sources(const void *a, const void *b)
{
    const struct rebuild_source *x = a, *y = b;

    if (x->is_catalog != y->is_catalog)
        return x->is_catalog ? -1 : 1;
    return x->last_job < y->last_job   ? 1
           : x->last_job > y->last_job ? -1
                                       : strcmp(x->path, y->path);
}

/* A catalog of another id numbers its jobs anew: ours and its own would mix. */
static void choose_sources(struct rebuild *r)
{
    for (size_t i = 0; i < r->sources.n; i++) {
        struct rebuild_source *s = &r->sources.items[i];

        if (!s->problem && !str_eq(s->id, r->id))
            s->problem = xasprintf("it is catalog %s, not %s", s->id, r->id);
        if (str_eq(s->id, r->id) && s->last_job > r->last_job)
            r->last_job = s->last_job;
    }
    if (r->sources.n > 1)
        qsort(r->sources.items, r->sources.n, sizeof(*r->sources.items), compare_sources);
}

int rebuild_choose(struct rebuild *r, const char *id, struct err *err)
{
    if (choose_id(r, id, err) < 0)
        return -1;
    choose_points(r, id != NULL);
    choose_sources(r);
    for (size_t i = 0; i < r->points.n; i++) {
        const struct point *p = &r->points.items[i];

        if (str_eq(p->catalog, r->id) && p->job > r->last_job)
            r->last_job = p->job;
    }
    rebuild_tell_histories(r);
    return 0;
}

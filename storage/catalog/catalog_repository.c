/* SPDX-License-Identifier: MIT
 *
 * Which repository a name of the configuration means. */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void catalog_repository_done(struct catalog_repository *r)
{
    free(r->name);
    free(r->id);
    free(r->path);
    *r = (struct catalog_repository){0};
}

static int get(struct db *db, const char *name, struct catalog_repository *ret, bool *ret_found,
               struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_REPOSITORY_GET, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, name);
    rc = db_row(db, st, 5, err);
    if (rc < 0)
        return -1;
    *ret_found = rc > 0;
    if (rc > 0)
        *ret = (struct catalog_repository){
            .name = db_text(st, 0),
            .id = db_text(st, 1),
            .path = db_text(st, 2),
            .since = sqlite3_column_int64(st, 3),
            .seen = sqlite3_column_int64(st, 4),
        };
    return 0;
}

int catalog_repository(struct catalog *c, const char *name, struct catalog_repository *ret,
                       bool *ret_found, struct err *err)
{
    return get(&c->db, name, ret, ret_found, err);
}

static int run_at(struct db *db, enum db_stmt id, const char *const *texts, int n, int64_t now,
                  struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, id, &st, err) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        db_bind_text(st, i + 1, texts[i]);
    sqlite3_bind_int64(st, n + 1, now);
    return db_run(db, st, err);
}

struct sighting {
    const char *name, *id, *path;
    int64_t now;
    const struct point_list *points; /* of an adoption */
};

static int put(struct db *db, const struct sighting *s, struct err *err)
{
    return run_at(db, ST_REPOSITORY_PUT, (const char *const[]){s->name, s->id, s->path}, 3, s->now,
                  err);
}

static int see_body(struct db *db, void *arg, struct err *err)
{
    const struct sighting *s = arg;
    CLEANUP(catalog_repository_done) struct catalog_repository known = {0};
    bool found;

    if (get(db, s->name, &known, &found, err) < 0)
        return -1;
    if (found && strcmp(known.id, s->id) != 0)
        return err_set(err, ERR_EXISTS, "repository %s is %s, not %s", s->name, known.id, s->id);
    if (found)
        return run_at(db, ST_REPOSITORY_SEEN, (const char *const[]){s->name, s->path}, 2, s->now,
                      err);
    if (put(db, s, err) < 0)
        return -1;
    return catalog_exec(db, ST_REPOSITORY_POINTS, (const char *const[]){s->name, s->id}, 2, err);
}

int catalog_repository_see(struct catalog *c, const char *name, const char *id, const char *path,
                           int64_t now, struct err *err)
{
    struct sighting s = {name, id, path, now, NULL};

    return db_tx(&c->db, see_body, &s, err);
}

static bool is_listed(const struct point_list *l, const char *id)
{
    return !id || point_list_find(l, id);
}

/* What stands on something that is not there is of no use, and cannot be recorded. */
static bool is_whole(const struct point_list *l, const struct point *p)
{
    if (!is_listed(l, p->parent))
        return false;
    for (size_t i = 0; i < p->disks.n; i++)
        if (!is_listed(l, p->disks.items[i].backing))
            return false;
    return true;
}

static int take_point(struct db *db, const struct sighting *s, const struct point *p,
                      struct err *err)
{
    struct point taken = *p; /* borrows */

    taken.repository = (char *)s->name;
    taken.state = POINT_GOOD;
    if (catalog_insert_point(db, &taken, err) < 0)
        return -1;
    return catalog_exec(db, ST_REPOSITORY_BACK, (const char *const[]){p->id, s->name, s->id}, 3,
                        err);
}

/* Points are listed by domain and time, which a clock may have set wrong: what is stood on
 * first. */
static int take_points(struct db *db, const struct sighting *s, struct err *err)
{
    struct point_list left = {0}, taken = {0}; /* both borrow */
    size_t before;
    int rc = 0;

    for (size_t i = 0; i < s->points->n; i++)
        *VEC_ADD(&left) = s->points->items[i];
    do {
        before = taken.n;
        for (size_t i = 0; i < left.n && rc == 0;) {
            if (!is_whole(&taken, &left.items[i])) {
                i++;
                continue;
            }
            rc = take_point(db, s, &left.items[i], err);
            *VEC_ADD(&taken) = left.items[i];
            memmove(&left.items[i], &left.items[i + 1], (--left.n - i) * sizeof(*left.items));
        }
    } while (rc == 0 && taken.n > before);
    free(left.items);
    free(taken.items);
    return rc;
}

static int adopt_body(struct db *db, void *arg, struct err *err)
{
    const struct sighting *s = arg;
    CLEANUP(catalog_repository_done) struct catalog_repository known = {0};
    bool found;

    if (get(db, s->name, &known, &found, err) < 0)
        return -1;
    /* Points that nobody has looked at since ids are recorded are those of the one that was
     * there. */
    if (found && catalog_exec(db, ST_REPOSITORY_POINTS, (const char *const[]){s->name, known.id}, 2,
                              err) < 0)
        return -1;
    if (!found || strcmp(known.id, s->id) != 0)
        if (put(db, s, err) < 0)
            return -1;
    if (catalog_exec(db, ST_REPOSITORY_AWAY, (const char *const[]){s->name, s->id}, 2, err) < 0)
        return -1;
    return take_points(db, s, err);
}

int catalog_repository_adopt(struct catalog *c, const char *name, const char *id, const char *path,
                             const struct point_list *points, int64_t now, struct err *err)
{
    struct sighting s = {name, id, path, now, points};

    return db_tx(&c->db, adopt_body, &s, err);
}

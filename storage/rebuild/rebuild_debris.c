/* SPDX-License-Identifier: MIT */
#include "storage/rebuild/rebuild_debris.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/catalog/catalog_priv.h"
#include "storage/repository/repository.h"
#include "storage/repository/survey.h"

int rebuild_find_debris(struct rebuild *r, const char *name, const char *path, struct err *err)
{
    static const struct point_list none = {0};
    const struct survey_scope all = {.known = &none};
    CLEANUP(survey_done) struct survey found = {0};

    if (repository_survey(path, &all, NULL, &found, err) < 0)
        return -1;
    for (size_t i = 0; i < found.merging.n; i++)
        if (!strlist_has(&found.unfinished, found.merging.items[i]))
            strlist_add(&found.unfinished, found.merging.items[i]);
    for (size_t i = 0; i < found.unfinished.n; i++)
        *VEC_ADD(&r->debris) =
            (struct rebuild_debris){xstrdup(name), xstrdup(found.unfinished.items[i])};
    return 0;
}

/* One that the former file has open is taken up again, and undoes or finishes what it began. */
static int is_open(struct db *db, int64_t job, bool *ret, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = db_prepare(db, "SELECT 1 FROM job WHERE id = ?1 AND state <> 'ended'", 0, &st, err);

    if (rc == 0) {
        sqlite3_bind_int64(st, 1, job);
        rc = db_row(db, st, 0, err);
    }
    sqlite3_finalize(st);
    *ret = rc > 0;
    return rc < 0 ? -1 : 0;
}

static int add(struct rebuild *r, struct db *db, const struct rebuild_debris *d,
               const struct point_list *known, size_t *n, struct err *err)
{
    CLEANUP(point_done) struct point p = {0};
    const struct point *was = point_list_find(known, d->id);
    bool open = false;

    if (!point_id_parse(d->id, &p) || point_list_find(&r->points, d->id))
        return 0;
    if (!(was && was->state == POINT_DELETING) && !str_eq(p.catalog, r->id))
        return 0;
    if (str_eq(p.catalog, r->id) && is_open(db, p.job, &open, err) < 0)
        return -1;
    if (open)
        return 0;
    p.repository = xstrdup(d->repository);
    p.state = POINT_DELETING;
    ++*n;
    return catalog_insert_point(db, &p, err);
}

int rebuild_add_debris(struct rebuild *r, struct db *db, const struct point_list *known,
                       struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < r->debris.n; i++)
        if (add(r, db, &r->debris.items[i], known, &n, err) < 0)
            return -1;
    if (n > 0)
        strlist_add(&r->notes,
                    n == 1
                        ? "a point was in the making, or half removed, and is nobody's any more: "
                          "the next prune of its policy removes it"
                        : "points were in the making, or half removed, and are nobody's any "
                          "more: the next prunes of their policies remove them");
    return 0;
}

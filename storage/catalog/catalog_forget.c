/* SPDX-License-Identifier: MIT
 *
 * A repository that is lost for ever leaves the catalog: its points, the checkpoints that
 * increments on them would be made from, and its id, in one transaction, with a row for each domain
 * and policy among the jobs that says so.
 */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* ---- what it is ---- */

static int is_known(struct db *db, enum db_stmt id, const char *what, char **ret_name,
                    struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, id, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, what);
    rc = db_row(db, st, 1, err);
    if (rc > 0)
        *ret_name = db_text(st, 0);
    return rc;
}

static int find_points(struct catalog *c, struct catalog_lost *l, const char *what, struct err *err)
{
    struct point_filter of = {.repository = what};
    struct point_list all = {0};

    if (catalog_points(c, &of, &l->points, err) < 0)
        return -1;
    l->by_id = l->points.n == 0 && !l->name;
    of = (struct point_filter){.copies = true};
    if (!l->by_id)
        return 0;
    if (catalog_points(c, &of, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        if (str_eq(all.items[i].repository_id, what))
            point_copy(VEC_ADD(&l->points), &all.items[i]);
    point_list_done(&all);
    return 0;
}

int catalog_lost(struct catalog *c, const char *what, struct catalog_lost *ret, struct err *err)
{
    struct catalog_lost l = {0};

    if (is_known(&c->db, ST_REPOSITORY_GET, what, &l.name, err) < 0 ||
        find_points(c, &l, what, err) < 0 ||
        (l.by_id && is_known(&c->db, ST_REPOSITORY_OF_ID, what, &l.name, err) < 0)) {
        catalog_lost_done(&l);
        return -1;
    }
    if (!l.name && l.points.n == 0) {
        catalog_lost_done(&l);
        return err_set(err, ERR_NOTFOUND,
                       "the catalog knows no repository of the name or id '%s'; see 'vmkeep "
                       "repository list' and 'vmkeep points --json'",
                       what);
    }
    *ret = l;
    return 0;
}

void catalog_lost_done(struct catalog_lost *l)
{
    point_list_done(&l->points);
    free(l->name);
    *l = (struct catalog_lost){0};
}

/* ---- it goes ---- */

struct forget {
    struct catalog *c;
    const char *what;
    const struct catalog_lost *lost;
    int64_t now;
};

static bool same_group(const struct point *a, const struct point *b)
{
    return str_eq(a->host, b->host) && str_eq(a->domain, b->domain) &&
           str_eq(a->policy, b->policy) && str_eq(a->repository, b->repository);
}

static int tell_group(struct db *db, const struct forget *f, size_t first, struct err *err)
{
    const struct point *p = &f->lost->points.items[first];
    CLEANUP_FREE char *reason = NULL;
    struct job j = {
        .kind = JOB_FORGET,
        .host = p->host,
        .domain = p->domain,
        .policy = p->policy,
        .repository = p->repository,
        .state = JOB_ENDED,
        .outcome = OUTCOME_SUCCESS,
        .why = (char *)"asked for by hand",
        .created = f->now,
        .ended = f->now,
    };
    size_t n = 0;

    for (size_t i = 0; i < f->lost->points.n; i++) {
        if (!same_group(p, &f->lost->points.items[i]))
            continue;
        if (i < first)
            return 0; /* told with that one */
        n++;
    }
    reason = xasprintf("repository %s is lost for ever: %zu point%s left the catalog", f->what, n,
                       plural_s(n));
    j.reason = reason;
    return catalog_insert_job(db, &j, err);
}

static int forget_body(struct db *db, void *arg, struct err *err)
{
    const struct forget *f = arg;
    const struct point_list *l = &f->lost->points;

    /* In whichever order: what is based on one of them goes, too, or it is an error in the end. */
    if (db_exec(db, "PRAGMA defer_foreign_keys = ON", err) < 0)
        return -1;
    for (size_t i = 0; i < l->n; i++) {
        const char *id = l->items[i].id;

        if (tell_group(db, f, i, err) < 0 ||
            catalog_exec(db, ST_CHECKPOINT_DROP_OF_POINT, &id, 1, err) < 0 ||
            catalog_exec(db, ST_POINT_DELETE, &id, 1, err) < 0)
            return -1;
    }
    return f->lost->name ? catalog_exec(db, ST_REPOSITORY_FORGET,
                                        (const char *const[]){f->lost->name}, 1, err)
                         : 0;
}

int catalog_repository_forget(struct catalog *c, const char *what, int64_t now, size_t *ret_points,
                              struct err *err)
{
    CLEANUP(catalog_lost_done) struct catalog_lost lost = {0};
    struct forget f = {c, what, &lost, now};

    if (catalog_lost(c, what, &lost, err) < 0)
        return -1;
    *ret_points = lost.points.n;
    c->changes++;
    return db_tx(&c->db, forget_body, &f, err);
}

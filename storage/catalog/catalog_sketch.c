/* SPDX-License-Identifier: MIT
 *
 * Little of many rows: what is asked of all domains at once. */
#include "storage/catalog/catalog_priv.h"

#include <string.h>

#include "base/alloc.h"

int catalog_instant_begin(struct catalog *c, struct err *err)
{
    return db_exec(&c->db, "BEGIN", err);
}

void catalog_instant_end(struct catalog *c)
{
    sqlite3_exec(c->db.h, "ROLLBACK", NULL, NULL, NULL);
}

int catalog_points_sketch(struct catalog *c, const char *host, const char *domain,
                          struct point_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_POINT_SKETCH, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    while ((rc = db_row(&c->db, st, 5, err)) > 0) {
        struct point *p = VEC_ADD(ret);

        if (CATALOG_WORD(&c->db, st, 3, point_state_from_name, &p->state, err) < 0)
            return -1;
        p->created = sqlite3_column_int64(st, 0);
        p->job = sqlite3_column_int64(st, 1);
        p->policy = db_text(st, 2);
        p->read.proven = sqlite3_column_int64(st, 4);
        p->catalog = db_text(st, 5);
    }
    return rc;
}

int catalog_sketch_missing(struct catalog *c, const char *host, const char *domain,
                           const struct point *sketch, struct strlist *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_MISSING_OF, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    sqlite3_bind_int64(st, 3, sketch->created);
    sqlite3_bind_int64(st, 4, sketch->job);
    db_bind_text(st, 5, sketch->policy);
    while ((rc = db_row(&c->db, st, 1, err)) > 0)
        strlist_add(ret, (const char *)sqlite3_column_text(st, 0));
    return rc;
}

/* A row a disk: point, repository, and what a look at its file needs. */
static int read_files(struct catalog *c, sqlite3_stmt *st, struct point_list *ret, struct err *err)
{
    int rc;

    while ((rc = db_row(&c->db, st, 5, err)) > 0) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        struct point *p = ret->n > 0 ? &ret->items[ret->n - 1] : NULL;
        struct point_disk *d;

        if (!p || strcmp(p->id, id) != 0) {
            p = VEC_ADD(ret);
            p->id = xstrdup(id);
            p->repository = db_text(st, 1);
        }
        d = VEC_ADD(&p->disks);
        d->name = db_text(st, 2);
        d->path = db_text(st, 3);
        d->length = (uint64_t)sqlite3_column_int64(st, 4);
        d->backing = db_text(st, 5);
    }
    return rc;
}

int catalog_points_newest(struct catalog *c, const char *host, const char *domain,
                          struct point_list *ret, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_POINT_NEWEST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    return read_files(c, st, ret, err);
}

int catalog_points_below(struct catalog *c, const char *id, struct point_list *ret, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_POINT_BELOW, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, id);
    return read_files(c, st, ret, err);
}

int catalog_point_size(struct catalog *c, const char *host, const char *domain, const char *policy,
                       enum backup_level level, uint64_t *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_POINT_SIZE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    db_bind_text(st, 4, level_name(level));
    rc = db_row(&c->db, st, 1, err);
    *ret = rc > 0 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    return rc < 0 ? -1 : 0;
}

static int each_domain(struct catalog *c, enum db_stmt which, catalog_on_domain *each, void *arg,
                       struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, which, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 2, err)) > 0)
        each(arg, (const char *)sqlite3_column_text(st, 0),
             (const char *)sqlite3_column_text(st, 1));
    return rc;
}

int catalog_domains_with_points(struct catalog *c, catalog_on_domain *each, void *arg,
                                struct err *err)
{
    return each_domain(c, ST_POINT_DOMAINS, each, arg, err);
}

int catalog_domains_with_jobs(struct catalog *c, catalog_on_domain *each, void *arg,
                              struct err *err)
{
    return each_domain(c, ST_JOB_DOMAINS, each, arg, err);
}

int catalog_points_of_time(struct catalog *c, int64_t created, catalog_on_point *each, void *arg,
                           struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_POINT_OF_TIME, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, created);
    while ((rc = db_row(&c->db, st, 3, err)) > 0)
        each(arg, (const char *)sqlite3_column_text(st, 0),
             (const char *)sqlite3_column_text(st, 1), (const char *)sqlite3_column_text(st, 2));
    return rc;
}

int catalog_points_going(struct catalog *c, struct point_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_POINT_GOING, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 4, err)) > 0)
        *VEC_ADD(ret) = (struct point){
            .host = xstrdup((const char *)sqlite3_column_text(st, 0)),
            .domain = xstrdup((const char *)sqlite3_column_text(st, 1)),
            .policy = xstrdup((const char *)sqlite3_column_text(st, 2)),
            .repository = xstrdup((const char *)sqlite3_column_text(st, 3)),
        };
    return rc;
}

/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_copy.h"

#include "base/alloc.h"
#include "storage/catalog/catalog_priv.h"

struct copying {
    int64_t job;
    const struct point *point;
};

/* plan NULL: it is at none. */
static int put_plan(struct db *db, int64_t job, const struct point *plan, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_COPY, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    db_bind_text(st, 2, level_name(plan ? plan->level : LEVEL_FULL));
    db_bind_text(st, 3, plan ? plan->id : NULL);
    db_bind_text(st, 4, plan ? plan->parent : NULL);
    sqlite3_bind_int64(st, 5, plan ? plan->created : 0);
    db_bind_text(st, 6, mode_name(plan ? plan->mode : MODE_PUSH));
    db_bind_text(st, 7, plan ? plan->copy_of : NULL);
    if (db_run(db, st, err) < 0)
        return -1;
    if (sqlite3_changes(db->h) == 0)
        return err_set(err, ERR_INVALID, "job %lld does not run", (long long)job);
    return 0;
}

static int clear_disks(struct db *db, int64_t job, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_DISK_CLEAR, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    return db_run(db, st, err);
}

static int begin_body(struct db *db, void *arg, struct err *err)
{
    const struct copying *c = arg;

    if (put_plan(db, c->job, c->point, err) < 0 || clear_disks(db, c->job, err) < 0)
        return -1;
    for (size_t i = 0; i < c->point->disks.n; i++)
        if (catalog_insert_job_disk(db, c->job, i, &c->point->disks.items[i], err) < 0)
            return -1;
    return catalog_put_missing(db, c->point, err);
}

int catalog_copy_begin(struct catalog *c, int64_t job, const struct point *plan, struct err *err)
{
    struct copying q = {job, plan};

    return db_tx(&c->db, begin_body, &q, err);
}

static int made_body(struct db *db, void *arg, struct err *err)
{
    const struct copying *c = arg;

    if (catalog_insert_point(db, c->point, err) < 0 || put_plan(db, c->job, NULL, err) < 0)
        return -1;
    return clear_disks(db, c->job, err);
}

int catalog_copy_made(struct catalog *c, int64_t job, const struct point *p, struct err *err)
{
    struct copying q = {job, p};

    c->changes++;
    return db_tx(&c->db, made_body, &q, err);
}

static int given_up_body(struct db *db, void *arg, struct err *err)
{
    const struct copying *c = arg;

    if (put_plan(db, c->job, NULL, err) < 0 || clear_disks(db, c->job, err) < 0)
        return -1;
    return c->point ? catalog_insert_point(db, c->point, err) : 0;
}

int catalog_copy_given_up(struct catalog *c, int64_t job, const struct point *debris,
                          struct err *err)
{
    struct copying q = {job, debris};

    c->changes++;
    return db_tx(&c->db, given_up_body, &q, err);
}

int catalog_copies_in(struct catalog *c, const char *host, const char *domain, const char *policy,
                      const char *repository, struct point_list *ret, struct err *err)
{
    const struct point_filter of = {
        .host = host, .domain = domain, .policy = policy, .repository = repository};
    size_t n = 0;

    if (catalog_points(c, &of, ret, err) < 0)
        return -1;
    for (size_t i = 0; i < ret->n; i++) {
        if (ret->items[i].copy_of)
            ret->items[n++] = ret->items[i];
        else
            point_done(&ret->items[i]);
    }
    ret->n = n;
    return 0;
}

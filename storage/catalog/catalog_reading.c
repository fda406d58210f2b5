/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_reading.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "storage/catalog/catalog_priv.h"

int catalog_point_read(struct catalog *c, const char *id, const struct point_reading *r,
                       struct err *err)
{
    bool all = r->slices <= 1;
    STMT st = NULL;

    if (db_stmt(&c->db, ST_POINT_READ, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, id);
    sqlite3_bind_int64(st, 2, r->at);
    sqlite3_bind_int64(st, 3, all ? 0 : r->slice);
    sqlite3_bind_int64(st, 4, all ? 1 : r->slices);
    sqlite3_bind_int64(st, 5, r->job);
    db_bind_text(st, 6, r->result);
    sqlite3_bind_int(st, 7, all && str_eq(r->result, "whole"));
    if (db_run(&c->db, st, err) < 0)
        return -1;
    if (sqlite3_changes(c->db.h) == 0)
        return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", id);
    return 0;
}

void job_reading_done(struct job_reading *r)
{
    free(r->point);
    free(r->disk);
    free(r->result);
    *r = (struct job_reading){0};
}

int catalog_job_reading_put(struct catalog *c, int64_t job, const struct job_reading *r,
                            struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_READING_PUT, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    db_bind_text(st, 2, r->point);
    db_bind_text(st, 3, r->disk);
    sqlite3_bind_int64(st, 4, (int64_t)r->offset);
    sqlite3_bind_int64(st, 5, r->slice);
    sqlite3_bind_int64(st, 6, r->slices);
    db_bind_text(st, 7, r->result);
    return db_run(&c->db, st, err);
}

int catalog_job_reading(struct catalog *c, int64_t job, struct job_reading *ret, bool *ret_found,
                        struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct job_reading){0};
    if (db_stmt(&c->db, ST_JOB_READING, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    rc = db_row(&c->db, st, 6, err);
    *ret_found = rc > 0;
    if (rc <= 0)
        return rc;
    ret->point = db_text(st, 0);
    ret->disk = db_text(st, 1);
    ret->offset = (uint64_t)sqlite3_column_int64(st, 2);
    ret->slice = (uint32_t)sqlite3_column_int64(st, 3);
    ret->slices = (uint32_t)sqlite3_column_int64(st, 4);
    ret->result = db_text(st, 5);
    return 0;
}

/* ---- schedules ---- */

static int get(struct catalog *c, const char *policy, const char *what, int64_t *ret_since,
               int64_t *ret_last, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_SCHEDULE_GET, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, policy);
    db_bind_text(st, 2, what);
    rc = db_row(&c->db, st, 2, err);
    if (rc > 0) {
        *ret_since = sqlite3_column_int64(st, 0);
        *ret_last = sqlite3_column_int64(st, 1);
    }
    return rc;
}

static int put(struct catalog *c, enum db_stmt which, const char *policy, const char *what,
               int64_t now, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, which, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, policy);
    db_bind_text(st, 2, what);
    sqlite3_bind_int64(st, 3, now);
    return db_run(&c->db, st, err);
}

int catalog_schedule(struct catalog *c, const char *policy, const char *what, int64_t now,
                     int64_t *ret_since, int64_t *ret_last, struct err *err)
{
    int rc = get(c, policy, what, ret_since, ret_last, err);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    *ret_since = *ret_last = now;
    return put(c, ST_SCHEDULE_ADD, policy, what, now, err);
}

int catalog_schedule_ran(struct catalog *c, const char *policy, const char *what, int64_t now,
                         struct err *err)
{
    return put(c, ST_SCHEDULE_RAN, policy, what, now, err);
}

int catalog_schedule_since(struct catalog *c, const char *policy, const char *what,
                           int64_t *ret_since, struct err *err)
{
    int64_t last;

    *ret_since = 0;
    return get(c, policy, what, ret_since, &last, err) < 0 ? -1 : 0;
}

int catalog_schedule_forget(struct catalog *c, const char *policy, const char *what,
                            struct err *err)
{
    const char *const args[] = {policy, what};

    return catalog_exec(&c->db, ST_SCHEDULE_FORGET, args, 2, err);
}

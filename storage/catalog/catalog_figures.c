/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_figures.h"

#include "storage/catalog/catalog_priv.h"

static int read_outcomes(struct catalog *c, struct job_totals *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_TOTALS, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 4, err)) > 0) {
        struct job_total *t = VEC_ADD(&ret->by_outcome);

        t->kind = db_text(st, 0);
        if (CATALOG_WORD(&c->db, st, 1, job_outcome_from_name, &t->outcome, err) < 0)
            return -1;
        t->jobs = (uint64_t)sqlite3_column_int64(st, 2);
        t->bytes = (uint64_t)sqlite3_column_int64(st, 3);
    }
    return rc;
}

static int read_durations(struct catalog *c, struct job_totals *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_DURATIONS, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 4, err)) > 0) {
        struct job_duration *d = VEC_ADD(&ret->by_duration);

        d->kind = db_text(st, 0);
        d->bound = sqlite3_column_int64(st, 1);
        d->jobs = (uint64_t)sqlite3_column_int64(st, 2);
        d->seconds = (uint64_t)sqlite3_column_int64(st, 3);
    }
    return rc;
}

int catalog_totals(struct catalog *c, struct job_totals *ret, struct err *err)
{
    if (read_outcomes(c, ret, err) == 0 && read_durations(c, ret, err) == 0)
        return 0;
    job_totals_done(ret);
    return -1;
}

static int read_bytes(struct catalog *c, const char *point, uint64_t *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_POINT_BYTES, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, point);
    rc = db_row(&c->db, st, 1, err);
    *ret = rc > 0 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int catalog_chain(struct catalog *c, const char *host, const char *domain, const char *policy,
                  struct catalog_chain *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct catalog_chain){0};
    if (db_stmt(&c->db, ST_POINT_CHAIN, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    while ((rc = db_row(&c->db, st, 2, err)) > 0) {
        enum backup_level level;

        if (ret->points++ == 0 &&
            read_bytes(c, (const char *)sqlite3_column_text(st, 0), &ret->last_bytes, err) < 0)
            return -1;
        if (CATALOG_WORD(&c->db, st, 1, level_from_name, &level, err) < 0)
            return -1;
        if (level == LEVEL_FULL)
            return 0;
    }
    return rc;
}

int catalog_backups_since(struct catalog *c, int64_t since, catalog_on_backup *each, void *arg,
                          struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_BACKUPS_SINCE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, since);
    while ((rc = db_row(&c->db, st, 5, err)) > 0) {
        struct catalog_backup b = {.host = (const char *)sqlite3_column_text(st, 0),
                                   .domain = (const char *)sqlite3_column_text(st, 1),
                                   .ended = sqlite3_column_int64(st, 4)};

        if (CATALOG_WORD(&c->db, st, 2, job_outcome_from_name, &b.outcome, err) < 0 ||
            CATALOG_WORD(&c->db, st, 3, level_from_name, &b.level, err) < 0)
            return -1;
        each(arg, &b);
    }
    return rc;
}

static const char *text_at(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

int catalog_ended_since(struct catalog *c, int64_t since, catalog_on_ended *each, void *arg,
                        struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_ENDED_SINCE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, since);
    while ((rc = db_row(&c->db, st, 10, err)) > 0) {
        struct catalog_ended j = {.id = sqlite3_column_int64(st, 0),
                                  .kind = text_at(st, 1),
                                  .guest = sqlite3_column_int(st, 2),
                                  .host = text_at(st, 3),
                                  .domain = text_at(st, 4),
                                  .policy = text_at(st, 5),
                                  .repository = text_at(st, 6),
                                  .ended = sqlite3_column_int64(st, 8),
                                  .bytes = (uint64_t)sqlite3_column_int64(st, 9),
                                  .reason = text_at(st, 10)};

        if (CATALOG_WORD(&c->db, st, 7, job_outcome_from_name, &j.outcome, err) < 0)
            return -1;
        each(arg, &j);
    }
    return rc;
}

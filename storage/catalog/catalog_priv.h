/* SPDX-License-Identifier: MIT
 *
 * Private to storage/. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_PRIV_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_PRIV_H

#include "storage/catalog/catalog.h"
#include "storage/catalog/db.h"

struct catalog {
    struct db db;
    char id[9];
    uint64_t changes; /* of points */
    catalog_event_fn listener;
    void *listener_ctx;
};

int catalog_read_id(struct catalog *c, bool *found, struct err *err);
int catalog_draw_id(char id[9], struct err *err);

/* The next job's number is above it; the catalog is not behind for that. */
int catalog_set_last_job(struct catalog *c, int64_t job, struct err *err);
#define BEHIND_KEY "behind" /* in meta; storage/rebuild/rebuild_make.c leaves it out */

/* One statement with text arguments only, and no rows. */
int catalog_exec(struct db *db, enum db_stmt id, const char *const *args, int n, struct err *err);

/* A word from a row, not NULL; one that is not known means a damaged catalog. */
#define CATALOG_WORD(db, st, column, from_name, ret, err)                                          \
    (from_name((const char *)sqlite3_column_text(st, column), ret) < 0                             \
         ? err_set(err, ERR_CORRUPT, "catalog %s: it is damaged (unknown %s '%s')", (db)->path,    \
                   sqlite3_column_name(st, column), (const char *)sqlite3_column_text(st, column)) \
         : 0)

/* The reverse of err_code_name; -1 for a word it does not know. */
int catalog_error_from_name(const char *s, enum err_code *ret);

/* The disks of a point, or of a job's plan. */
int catalog_read_disks(struct db *db, sqlite3_stmt *st, struct point *p, struct err *err);

/* Four columns, or parameters, from the first on. */
void catalog_bind_origin(sqlite3_stmt *st, int first, const struct disk_origin *o);
struct disk_origin catalog_read_origin(sqlite3_stmt *st, int first);

/* What a point, or a job's plan of one, lacks. */
int catalog_put_missing(struct db *db, const struct point *p, struct err *err);
int catalog_read_missing(struct db *db, struct point *p, struct err *err);

/* See catalog_job_add. */
int catalog_insert_job(struct db *db, struct job *j, struct err *err);

/* The i-th disk of its plan. */
int catalog_insert_job_disk(struct db *db, int64_t job, size_t i, const struct point_disk *d,
                            struct err *err);

/* One that is there already stays as it is.  ERR_NOTFOUND: a point that it stands on is not. */
int catalog_insert_point(struct db *db, const struct point *p, struct err *err);

/* Provisional, with its disks and as the child of the newest. ERR_EXISTS: the domain has one of
 * that name. */
int catalog_insert_checkpoint(struct db *db, const struct checkpoint *k, struct err *err);

#endif

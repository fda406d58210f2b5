/* SPDX-License-Identifier: MIT */
#include "storage/catalog/db.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/uptime.h"

/* SQLite's classes of errors that somebody can do something about; all others are bugs of ours. */
static const struct {
    int rc;
    enum err_code code;
    const char *text; /* NULL: SQLite's own */
} classes[] = {
    {SQLITE_BUSY, ERR_BUSY, "another program keeps it locked"},
    {SQLITE_LOCKED, ERR_BUSY, "another program keeps it locked"},
    {SQLITE_FULL, ERR_NOSPACE, "no space left to write it"},
    {SQLITE_CORRUPT, ERR_CORRUPT, "it is damaged"},
    {SQLITE_NOTADB, ERR_CORRUPT, "it is not a vmkeep catalog"},
    {SQLITE_READONLY, ERR_DENIED, "it cannot be written"},
    {SQLITE_PERM, ERR_DENIED, NULL},
    {SQLITE_AUTH, ERR_DENIED, NULL},
    {SQLITE_CANTOPEN, ERR_IO, NULL},
    {SQLITE_IOERR, ERR_IO, NULL},
};

static int fail(struct db *db, struct err *err)
{
    int rc = sqlite3_extended_errcode(db->h) & 0xff, sys = errno;

    if (rc == SQLITE_CANTOPEN && sqlite3_system_errno(db->h) != 0)
        return err_errno(err, sqlite3_system_errno(db->h), "catalog %s", db->path);
    /* SQLite knows a full disk from write(2) only, and neither quotas nor limits.  Its own record
     * of errno misses what happens in a commit. */
    if (rc == SQLITE_IOERR && (sys == ENOSPC || sys == EDQUOT || sys == EFBIG))
        return err_errno(err, sys, "catalog %s", db->path);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (classes[i].rc != rc)
            continue;
        if (!classes[i].text)
            return err_set(err, classes[i].code, "catalog %s: %s", db->path, sqlite3_errmsg(db->h));
        return err_set(err, classes[i].code, "catalog %s: %s (%s)", db->path, classes[i].text,
                       sqlite3_errmsg(db->h));
    }
    return err_set(err, ERR_INTERNAL, "catalog %s: %s", db->path, sqlite3_errmsg(db->h));
}

int db_fail(struct db *db, struct err *err)
{
    fail(db, err);
    if (!db->failed &&
        (err->code == ERR_NOSPACE || err->code == ERR_IO || err->code == ERR_DENIED)) {
        db->failed = true;
        db->failed_at = uptime_seconds();
    }
    if (err->code == ERR_CORRUPT && db->tell)
        db->tell(db->tell_ctx, DB_DAMAGED, err->msg);
    return -1;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    errno = 0;
    return sqlite3_exec(db->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, err);
}

int db_prepare(struct db *db, const char *text, unsigned flags, sqlite3_stmt **ret, struct err *err)
{
    int rc = sqlite3_prepare_v3(db->h, text, -1, flags, ret, NULL);

    /* Our SQL fits our schema: what it misses is missing in the file. */
    if (rc == SQLITE_ERROR)
        return err_set(err, ERR_CORRUPT, "catalog %s: it is damaged (%s)", db->path,
                       sqlite3_errmsg(db->h));
    return rc == SQLITE_OK ? 0 : db_fail(db, err);
}

static int prepare_once(struct db *db, enum db_stmt id, struct err *err)
{
    return db->stmts[id]
               ? 0
               : db_prepare(db, db_sql[id], SQLITE_PREPARE_PERSISTENT, &db->stmts[id], err);
}

int db_stmt(struct db *db, enum db_stmt id, sqlite3_stmt **ret, struct err *err)
{
    if (prepare_once(db, id, err) < 0)
        return -1;
    if (!sqlite3_stmt_readonly(db->stmts[id]) && sqlite3_get_autocommit(db->h) &&
        (db_keep_place(db, err) < 0 || prepare_once(db, id, err) < 0))
        return -1;
    *ret = db->stmts[id];
    return 0;
}

int db_row(struct db *db, sqlite3_stmt *st, int whole, struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_step(st);
    if (rc == SQLITE_DONE)
        return 0;
    if (rc != SQLITE_ROW)
        return db_fail(db, err);
    for (int i = 0; i < whole; i++)
        if (sqlite3_column_type(st, i) == SQLITE_NULL)
            return err_set(err, ERR_CORRUPT, "catalog %s: it is damaged (a row has no %s)",
                           db->path, sqlite3_column_name(st, i));
    return 1;
}

int db_run(struct db *db, sqlite3_stmt *st, struct err *err)
{
    return db_row(db, st, 0, err) < 0 ? -1 : 0;
}

int db_tx(struct db *db, int (*body)(struct db *db, void *arg, struct err *err), void *arg,
          struct err *err)
{
    if (db_keep_place(db, err) < 0 || db_exec(db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if (body(db, arg, err) == 0 && db_exec(db, "COMMIT", err) == 0)
        return 0;
    sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

void db_bind_text(sqlite3_stmt *st, int i, const char *s)
{
    sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

char *db_text(sqlite3_stmt *st, int column)
{
    return xstrdup((const char *)sqlite3_column_text(st, column));
}

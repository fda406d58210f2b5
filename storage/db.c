/* SPDX-License-Identifier: MIT */
#include "storage/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/schema.h"

#define BUSY_MS 2000

static enum err_code code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERR_DENIED;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return ERR_IO;
    default:
        return ERR_INTERNAL;
    }
}

int db_fail(struct db *db, struct err *err)
{
    int rc = sqlite3_extended_errcode(db->h);

    /* SQLite reports a full disk in its journal as an I/O error of the system call. */
    if ((rc & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db->h) == ENOSPC)
        return err_set(err, ERR_NOSPACE, "catalog %s: %s", db->path, strerror(ENOSPC));
    return err_set(err, code_of(rc), "catalog %s: %s", db->path, sqlite3_errmsg(db->h));
}

static int exec(struct db *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, err);
}

static int pragma_int(struct db *db, const char *sql, int *ret, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);

    if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        *ret = sqlite3_column_int(st, 0);
    else
        rc = db_fail(db, err);
    sqlite3_finalize(st);
    return rc == SQLITE_OK ? 0 : -1;
}

int db_stmt(struct db *db, enum db_stmt id, sqlite3_stmt **ret, struct err *err)
{
    if (!db->stmts[id] && sqlite3_prepare_v3(db->h, db_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
                                             &db->stmts[id], NULL) != SQLITE_OK)
        return db_fail(db, err);
    *ret = db->stmts[id];
    return 0;
}

int db_row(struct db *db, sqlite3_stmt *st, struct err *err)
{
    switch (sqlite3_step(st)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    default:
        return db_fail(db, err);
    }
}

int db_run(struct db *db, sqlite3_stmt *st, struct err *err)
{
    return db_row(db, st, err) < 0 ? -1 : 0;
}

int db_tx(struct db *db, int (*body)(struct db *db, void *arg, struct err *err), void *arg,
          struct err *err)
{
    if (exec(db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if (body(db, arg, err) == 0 && exec(db, "COMMIT", err) == 0)
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

/* The writer's lock, beside the catalog, for as long as the descriptor lives.  The file stays: a
 * lock file that is removed can be locked twice. */
static int take_lock(struct db *db, struct err *err)
{
    CLEANUP_FREE char *path = xasprintf("%s.lock", db->path);
    char pid[32] = "";
    ssize_t n;

    db->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (db->lock < 0)
        return err_errno(err, errno, "catalog: create %s", path);
    if (flock(db->lock, LOCK_EX | LOCK_NB) < 0) {
        n = read(db->lock, pid, sizeof(pid) - 1);
        pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
        return err_set(err, ERR_BUSY, "catalog %s: another vmkeepd (pid %s) keeps it", db->path,
                       *pid ? pid : "unknown");
    }
    snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(db->lock, 0) < 0 || pwrite(db->lock, pid, strlen(pid), 0) < 0)
        return err_errno(err, errno, "catalog: write %s", path);
    return 0;
}

/* WAL needs memory shared between the processes: only on a local file system. */
static bool is_local(const char *path)
{
    static const long remote[] = {0x6969 /* NFS */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
                                  0x65735546 /* FUSE */, 0x01021997 /* 9P */, 0x5346414f /* AFS */,
                                  0x00c36400 /* Ceph */};
    CLEANUP_FREE char *dir = path_dirname(path);
    struct statfs fs;

    if (statfs(dir, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(remote); i++)
        if ((fs.f_type & 0xffffffff) == remote[i])
            return false;
    return true;
}

struct migration {
    int version;
};

static int migrate_one(struct db *db, void *arg, struct err *err)
{
    const struct migration *m = arg;
    CLEANUP_FREE char *version = xasprintf("PRAGMA user_version = %d", m->version);
    CLEANUP_FREE char *application = xasprintf("PRAGMA application_id = %d", DB_APPLICATION_ID);

    if (exec(db, schema_step(m->version), err) < 0 || exec(db, version, err) < 0)
        return -1;
    return exec(db, application, err);
}

static int check_version(struct db *db, int *ret, struct err *err)
{
    int application = 0, tables = 0;

    if (pragma_int(db, "PRAGMA user_version", ret, err) < 0 ||
        pragma_int(db, "PRAGMA application_id", &application, err) < 0 ||
        pragma_int(db, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
        return -1;
    if (application != DB_APPLICATION_ID && (application != 0 || *ret != 0 || tables != 0))
        return err_set(err, ERR_CORRUPT, "%s: a database, but not a vmkeep catalog", db->path);
    if (*ret > DB_SCHEMA_VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "catalog %s has schema %d, this program knows up to %d: a newer vmkeep made it",
                       db->path, *ret, DB_SCHEMA_VERSION);
    return 0;
}

static int check_damage(struct db *db, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = 0;

    if (sqlite3_prepare_v2(db->h, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK)
        return db_fail(db, err);
    if (sqlite3_step(st) != SQLITE_ROW)
        rc = db_fail(db, err);
    else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
        rc = err_set(err, ERR_CORRUPT, "catalog %s is damaged: %s", db->path,
                     (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return rc;
}

static int prepare_writer(struct db *db, struct err *err)
{
    int version = 0;

    if (check_version(db, &version, err) < 0 || check_damage(db, err) < 0 ||
        exec(db, is_local(db->path) ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE",
             err) < 0 ||
        exec(db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", err) < 0)
        return -1;
    while (version < DB_SCHEMA_VERSION) {
        struct migration m = {++version};

        if (db_tx(db, migrate_one, &m, err) < 0)
            return err_wrap(err, "bring schema to version %d", version);
    }
    return 0;
}

static int prepare_reader(struct db *db, struct err *err)
{
    int version = 0;

    if (check_version(db, &version, err) < 0)
        return -1;
    if (version < DB_SCHEMA_VERSION)
        return err_set(err, version ? ERR_UNSUPPORTED : ERR_NOTFOUND,
                       "catalog %s has schema %d, this program needs %d: start vmkeepd once",
                       db->path, version, DB_SCHEMA_VERSION);
    return 0;
}

static int open_handle(struct db *db, bool write, struct err *err)
{
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;

    if (sqlite3_open_v2(db->path, &db->h, flags, NULL) != SQLITE_OK)
        return db->h ? db_fail(db, err)
                     : err_set(err, ERR_INTERNAL, "catalog %s: out of memory", db->path);
    sqlite3_extended_result_codes(db->h, 1);
    sqlite3_busy_timeout(db->h, BUSY_MS);
    return exec(db, "PRAGMA trusted_schema = OFF", err);
}

int db_open(struct db *db, const char *path, bool write, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(path);
    int rc = 0;

    *db = (struct db){.path = xstrdup(path), .lock = -1};
    if (write)
        rc = mkdir_all(dir, 0755, err) < 0 || take_lock(db, err) < 0 ? -1 : 0;
    else if (access(path, R_OK) < 0)
        rc = err_errno(err, errno, "catalog %s", path);
    if (rc == 0)
        rc = open_handle(db, write, err);
    if (rc == 0)
        rc = write ? prepare_writer(db, err) : prepare_reader(db, err);
    if (rc < 0)
        db_close(db);
    else if (write)
        chmod(path, 0640);
    return rc;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(db->stmts[i]);
    sqlite3_close(db->h);
    if (db->lock >= 0)
        close(db->lock);
    free(db->path);
    *db = (struct db){.lock = -1};
}

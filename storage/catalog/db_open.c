/* SPDX-License-Identifier: MIT
 *
 * Opening the catalog's file.
 *
 * The writer takes a lock beside it first, so that nobody writes while it judges and migrates.
 * A fresh file becomes a catalog in one transaction, in which it gets our application id
 * too: it is a catalog or it is empty, never half of one.
 *
 * Readers need the shared-memory file beside a catalog in WAL mode, and make it when no writer has;
 * who may not write in the directory cannot.  Then, as long as no log waits beside the catalog, the
 * file alone is the whole truth, and is read as one that does not change.
 */
#include "storage/catalog/db.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fsutil.h"
#include "storage/catalog/schema.h"

#define BUSY_MS 2000
#define LOCK_LOOK_MS 20
#define CATALOG_FILE_MODE 0640

/* ---- the writer's files ---- */

static bool lives(const char *pid)
{
    long n = strtol(pid, NULL, 10);

    return n > 0 && (kill((pid_t)n, 0) == 0 || errno == EPERM);
}

/* A child of the former daemon that has not come to its exec yet has the lock with it, for a moment
 * longer than that one lives.  errno says why not; ret_pid: whose it is, or empty. */
static int wait_for_lock(int lock, char *ret_pid, size_t size)
{
    for (int waited = 0; flock(lock, LOCK_EX | LOCK_NB) < 0; waited += LOCK_LOOK_MS) {
        ssize_t n;

        if (errno != EWOULDBLOCK)
            return -1;
        n = pread(lock, ret_pid, size - 1, 0);
        ret_pid[n > 0 ? n : 0] = '\0';
        ret_pid[strcspn(ret_pid, "\n")] = '\0';
        if (waited >= BUSY_MS || lives(ret_pid)) {
            errno = EWOULDBLOCK;
            return -1;
        }
        usleep(LOCK_LOOK_MS * 1000);
    }
    return 0;
}

/* The lock lives as long as the descriptor.  Its file stays: one that is removed can be locked
 * twice. */
int db_take_lock(struct db *db, struct err *err)
{
    CLEANUP_FREE char *path = xasprintf("%s.lock", db->path);
    char pid[32] = "";

    db->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, CATALOG_FILE_MODE);
    if (db->lock < 0) {
        cannot_create(path, err);
        return err_wrap(err, "catalog %s", db->path);
    }
    if (wait_for_lock(db->lock, pid, sizeof(pid)) < 0) {
        if (errno != EWOULDBLOCK)
            return err_errno(err, errno, "catalog %s: lock %s", db->path, path);
        return err_set(err, ERR_BUSY, "catalog %s: another vmkeepd (pid %s) keeps it", db->path,
                       *pid ? pid : "unknown");
    }
    snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(db->lock, 0) < 0 || pwrite(db->lock, pid, strlen(pid), 0) < 0)
        return err_errno(err, errno, "catalog %s: write %s", db->path, path);
    return 0;
}

int db_look_at_lock(const char *path, bool *ret_held, struct stat *ret_file, struct err *err)
{
    CLEANUP_FREE char *lock = xasprintf("%s.lock", path);
    CLEANUP_CLOSE int fd = open(lock, O_RDONLY | O_CLOEXEC);

    *ret_held = false;
    *ret_file = (struct stat){0};
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fstat(fd, ret_file) < 0)
        return err_errno(err, errno, "%s", lock);
    if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return err_errno(err, errno, "%s", lock);
    *ret_held = true;
    return 0;
}

/* SQLite gives the files that it puts beside the catalog the catalog's own mode, so this is right
 * from the start.  A file that is there stays as its owner wants it. */
int db_create_file(const char *path, bool *ret_made, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, CATALOG_FILE_MODE);
    CLEANUP_FREE char *dir = path_dirname(path);

    *ret_made = fd >= 0;
    if (fd < 0)
        return errno == EEXIST ? 0 : err_errno(err, errno, "catalog %s", path);
    if (fchmod(fd, CATALOG_FILE_MODE) < 0)
        return err_errno(err, errno, "catalog %s: chmod", path);
    return sync_dir(dir, err);
}

/* WAL needs memory that all processes share: only on a local file system. */
static bool is_local(const char *dir)
{
    struct statfs fs;

    return statfs(dir, &fs) == 0 && !path_remote(dir);
}

/* ---- what the file is ---- */

static int query_int(struct db *db, const char *text, int *ret, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = db_prepare(db, text, 0, &st, err);

    if (rc == 0 && sqlite3_step(st) == SQLITE_ROW)
        *ret = sqlite3_column_int(st, 0);
    else if (rc == 0)
        rc = db_fail(db, err);
    sqlite3_finalize(st);
    return rc;
}

/* *ret: the schema's version; 0 for an empty file. */
static int check_version(struct db *db, int *ret, struct err *err)
{
    int application = 0, tables = 0;

    if (query_int(db, "PRAGMA user_version", ret, err) < 0 ||
        query_int(db, "PRAGMA application_id", &application, err) < 0 ||
        query_int(db, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
        return -1;
    if (application == 0 && *ret == 0 && tables == 0)
        return 0;
    if (application != DB_APPLICATION_ID || *ret < 1)
        return err_set(err, ERR_CORRUPT,
                       "catalog %s: it is not a vmkeep catalog (but some other database)",
                       db->path);
    if (*ret > DB_SCHEMA_VERSION)
        return err_set(
            err, ERR_UNSUPPORTED,
            "catalog %s has schema %d, this program knows up to %d: a newer vmkeep made it",
            db->path, *ret, DB_SCHEMA_VERSION);
    return 0;
}

/* One clear error now rather than many later; indexes too, for they decide what is found.  Stops at
 * the first thing it finds; 90 MB, which is 200000 jobs, take 0.6 s. */
static int check_damage(struct db *db, struct err *err)
{
    sqlite3_stmt *st = NULL;
    const char *found = NULL;
    int rc = 0;

    if (db_prepare(db, "PRAGMA integrity_check(1)", 0, &st, err) < 0)
        return -1;
    if (sqlite3_step(st) == SQLITE_ROW)
        found = (const char *)sqlite3_column_text(st, 0);
    if (!found)
        rc = db_fail(db, err);
    else if (strcmp(found, "ok") != 0)
        rc = err_set(err, ERR_CORRUPT, "catalog %s: it is damaged (%s)", db->path, found);
    sqlite3_finalize(st);
    return rc;
}

int db_examine(struct db *db, int *ret_version, struct err *err)
{
    return check_version(db, ret_version, err) < 0 ? -1 : check_damage(db, err);
}

/* ---- the writer ---- */

/* All steps in one transaction: no reader meets a catalog halfway. */
static int migrate_body(struct db *db, void *arg, struct err *err)
{
    CLEANUP_FREE char *marks = xasprintf("PRAGMA user_version = %d; PRAGMA application_id = %d",
                                         DB_SCHEMA_VERSION, DB_APPLICATION_ID);
    const int *version = arg;

    for (int v = *version + 1; v <= DB_SCHEMA_VERSION; v++)
        if (db_exec(db, schema_step(v), err) < 0)
            return err_wrap(err, "schema %d", v);
    return db_exec(db, marks, err);
}

int db_migrate(struct db *db, int version, struct err *err)
{
    if (version == DB_SCHEMA_VERSION)
        return 0;
    if (db_tx(db, migrate_body, &version, err) < 0)
        return err_wrap(err, "bring the catalog to schema %d", DB_SCHEMA_VERSION);
    return 0;
}

/* One thread has it: locking it for others would cost a tenth of what reading does. */
int db_open_handle(struct db *db, const char *name, int flags, struct err *err)
{
    if (sqlite3_open_v2(name, &db->h, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return db->h ? db_fail(db, err)
                     : err_set(err, ERR_INTERNAL, "catalog %s: out of memory", db->path);
    sqlite3_extended_result_codes(db->h, 1);
    sqlite3_busy_timeout(db->h, BUSY_MS);
    return db_exec(db, "PRAGMA trusted_schema = OFF", err);
}

/* The log goes into the file little and often: the loop waits for it.  Where a catalog has 1.3 GiB,
 * SQLite's own 1000 pages take 15 ms and now and then 170; 100 take 3, and the rest no longer. */
int db_set_writer(struct db *db, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(db->path);

    return db_exec(db, is_local(dir) ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE",
                   err) < 0
               ? -1
               : db_exec(db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 100", err);
}

static int open_writer(struct db *db, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(db->path);
    int version = 0;
    bool made;

    if (mkdir_all(dir, 0755, err) < 0 || db_take_lock(db, err) < 0 ||
        db_create_file(db->path, &made, err) < 0 ||
        db_open_handle(db, db->path, SQLITE_OPEN_READWRITE, err) < 0 ||
        db_note_place(db, err) < 0 || check_version(db, &version, err) < 0 ||
        check_damage(db, err) < 0)
        return -1;
    /* A migration that makes a table anew drops the old one, and no child shall follow it. */
    return db_set_writer(db, err) < 0 || db_migrate(db, version, err) < 0 ||
                   db_exec(db, "PRAGMA foreign_keys = ON", err) < 0
               ? -1
               : db_note_beside(db, err);
}

/* ---- readers ---- */

/* "file:PATH?immutable=1", see https://www.sqlite.org/uri.html. Caller frees. */
char *db_immutable_uri(const char *path)
{
    char *ret = xcalloc(1, sizeof("file:?immutable=1") + 3 * strlen(path));
    char *p = ret + sprintf(ret, "file:");

    for (; *path; path++)
        p += sprintf(p, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    strcpy(p, "?immutable=1");
    return ret;
}

static bool log_waits(const char *path)
{
    CLEANUP_FREE char *wal = xasprintf("%s-wal", path);
    struct stat st;

    return stat(wal, &st) == 0 && st.st_size > 0;
}

/* After an open that failed for want of the shared memory. */
static int reopen_immutable(struct db *db, int *version, struct err *err)
{
    CLEANUP_FREE char *uri = db_immutable_uri(db->path);

    if (log_waits(db->path))
        return err_set(err, ERR_DENIED,
                       "catalog %s: vmkeepd was stopped hard and has not run since; until it does, "
                       "only a user who may write in the catalog's directory can read it",
                       db->path);
    sqlite3_close(db->h);
    if (db_open_handle(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err) < 0)
        return -1;
    return check_version(db, version, err);
}

static int open_reader(struct db *db, struct err *err)
{
    struct err first = ERR_INIT;
    int version = 0, rc;

    if (access(db->path, R_OK) < 0)
        return errno != ENOENT
                   ? err_errno(err, errno, "catalog %s", db->path)
                   : err_set(err, ERR_NOTFOUND,
                             "catalog %s: there is none yet; vmkeepd makes it, or, if one was "
                             "lost, `vmkeep rebuild-catalog`",
                             db->path);
    if (db_open_handle(db, db->path, SQLITE_OPEN_READONLY, err) < 0)
        return -1;
    if (check_version(db, &version, &first) < 0) {
        rc = sqlite3_errcode(db->h) & 0xff;
        if (rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) {
            *err = first;
            return -1;
        }
        if (reopen_immutable(db, &version, err) < 0)
            return -1;
    }
    if (version == 0)
        return err_set(err, ERR_NOTFOUND, "catalog %s: it is empty yet; vmkeepd fills it",
                       db->path);
    if (version < DB_SCHEMA_VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "catalog %s has schema %d, this program reads %d: start vmkeepd, it brings "
                       "the catalog up to date",
                       db->path, version, DB_SCHEMA_VERSION);
    return 0;
}

int db_open(struct db *db, const char *path, bool write, struct err *err)
{
    *db = (struct db){.path = xstrdup(path), .lock = -1};
    if ((write ? open_writer(db, err) : open_reader(db, err)) == 0)
        return 0;
    db_close(db);
    return -1;
}

void db_close(struct db *db)
{
    db_copy_lose(db->copy);
    for (size_t i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(db->stmts[i]);
    if (db->lost)
        sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db->h);
    if (db->lock >= 0)
        close(db->lock);
    free(db->path);
    *db = (struct db){.lock = -1};
}

/* SPDX-License-Identifier: MIT
 *
 * The catalog's file keeps its place.
 *
 * Who deletes the file, or puts another in its place, leaves us with one that nobody else can see:
 * all would seem well until the daemon ends, and then be lost.  So the name is held against the
 * file that we have open before each write.
 *
 * Nothing under the name: what we have open is whole, and is written back under it.  The log and
 * the shared memory beside it belonged to the deleted file and go first, for SQLite would take
 * whatever log it finds for the new one's.  Another file, or another's log: nothing is known of it,
 * and it may be just what its administrator wants.  It stays as it is, and we write no more, nor
 * remove a log at the end.  That holds up to the last moment: it may come while we write ours.
 */
#include "storage/catalog/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fsutil.h"

static const char *const suffixes[] = {"-wal", "-shm"};

int db_note_place(struct db *db, struct err *err)
{
    struct stat st;

    if (stat(db->path, &st) < 0)
        return err_errno(err, errno, "catalog %s", db->path);
    db->dev = st.st_dev;
    db->ino = st.st_ino;
    return 0;
}

/* A first read opens the log: later, with the file deleted, SQLite could not. */
int db_note_beside(struct db *db, struct err *err)
{
    if (db_exec(db, "SELECT count(*) FROM sqlite_schema", err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP_FREE char *name = xasprintf("%s%s", db->path, suffixes[i]);
        struct stat st;

        db->beside[i] =
            stat(name, &st) == 0 ? (struct db_beside){st.st_dev, st.st_ino} : (struct db_beside){0};
    }
    return 0;
}

static int lose(struct db *db, const char *why, struct err *err)
{
    bool known = db->lost != NULL;

    /* Our log lies beside their file: emptied, it is taken for nobody's. */
    if (!known)
        sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    db->lost = why;
    err_set(err, ERR_CORRUPT, "catalog %s: %s while it was in use; nothing more is written",
            db->path, why);
    if (!known && db->tell)
        db->tell(db->tell_ctx, DB_LOST, err->msg);
    return -1;
}

/* Whoever took the lock that lay there has a catalog of his own by now. */
int db_keep_lock(struct db *db, struct err *err)
{
    CLEANUP_FREE char *path = xasprintf("%s.lock", db->path);
    struct db fresh = {.path = db->path, .lock = -1};
    struct stat held, there;

    if (db->lock < 0)
        return 0;
    if (fstat(db->lock, &held) < 0)
        return err_errno(err, errno, "catalog %s: its lock", db->path);
    if (stat(path, &there) == 0 && there.st_dev == held.st_dev && there.st_ino == held.st_ino)
        return 0;
    if (db_take_lock(&fresh, err) < 0) {
        if (fresh.lock >= 0)
            close(fresh.lock);
        return err->code == ERR_BUSY ? lose(db, "its lock was taken by another vmkeepd", err) : -1;
    }
    close(db->lock);
    db->lock = fresh.lock;
    return 0;
}

/* Is the nearest directory that is left of its path still on the file system that we write to? */
static bool is_same_file_system(const struct db *db)
{
    char *dir = path_dirname(db->path);
    struct stat st;
    bool ret;

    while (stat(dir, &st) < 0 && strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0) {
        char *up = path_dirname(dir);

        free(dir);
        dir = up;
    }
    ret = stat(dir, &st) == 0 && st.st_dev == db->dev;
    free(dir);
    return ret;
}

static int lose_to_other(struct db *db, struct err *err)
{
    return lose(db, "another file was put in its place", err);
}

/* Only what belonged to the file that we have open. */
static int remove_beside(struct db *db, size_t i, struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s%s", db->path, suffixes[i]);
    struct stat st;

    if (lstat(name, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", name);
    if (st.st_dev != db->beside[i].dev || st.st_ino != db->beside[i].ino)
        return lose(db, "another file's log was put in its place", err);
    return unlink(name) < 0 && errno != ENOENT ? err_errno(err, errno, "remove %s", name) : 0;
}

/* All at once, though the loop waits for it (0.2 s where the catalog has 45 MiB): what is about
 * to be written cannot go anywhere before. */
static int save(struct db *db, const char *path, struct err *err)
{
    struct db_copy *copy = NULL;
    bool done = false;
    int rc = db_copy_start(db, path, &copy, err);

    while (rc == 0 && !done)
        rc = db_copy_step(copy, -1, &done, err);
    db_copy_free(copy);
    return rc;
}

/* The old handle goes without a checkpoint: at its end SQLite would remove the new file's log,
 * by its name. */
static int reopen(struct db *db, struct err *err)
{
    struct db fresh = {.path = db->path, .lock = db->lock};

    if (db_open_handle(&fresh, db->path, SQLITE_OPEN_READWRITE, err) < 0 ||
        db_set_writer(&fresh, err) < 0 || db_exec(&fresh, "PRAGMA foreign_keys = ON", err) < 0 ||
        db_note_beside(&fresh, err) < 0) {
        sqlite3_close(fresh.h);
        return -1;
    }
    for (size_t i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(db->stmts[i]);
        db->stmts[i] = NULL;
    }
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db->h);
    db->h = fresh.h;
    memcpy(db->beside, fresh.beside, sizeof(db->beside));
    return db_note_place(db, err);
}

/* Gives the copy the name, if that is free still. */
static int put_back(struct db *db, const char *made, struct err *err)
{
    struct stat st;
    int rc = 0;

    if (lstat(db->path, &st) == 0)
        return lose_to_other(db, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(suffixes); i++)
        rc = remove_beside(db, i, err);
    if (rc == 0)
        rc = rename_new(made, db->path, err);
    return rc < 0 && err->code == ERR_EXISTS ? lose_to_other(db, err) : rc;
}

static int write_back(struct db *db, struct err *err)
{
    CLEANUP_FREE char *made = xasprintf("%s.new", db->path);

    db_copy_lose(db->copy); /* one at a time, and the handle goes */
    if (save(db, made, err) < 0 || put_back(db, made, err) < 0 || reopen(db, err) < 0) {
        if (db->lost)
            unlink(made);
        return db->lost ? -1
                        : err_wrap(err,
                                   "catalog %s was deleted while it was in use, and cannot be "
                                   "written back",
                                   db->path);
    }
    if (db->tell)
        db->tell(db->tell_ctx, DB_WRITTEN_BACK,
                 "it was deleted while it was in use, and has been written back");
    return 0;
}

/* Nothing lies under the name. */
static int come_back(struct db *db, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(db->path);

    if (!is_same_file_system(db))
        return lose(db, "its file system was taken away", err);
    if (mkdir_all(dir, 0755, err) < 0)
        return err_wrap(err, "catalog %s was deleted while it was in use", db->path);
    return db_keep_lock(db, err) < 0 ? -1 : write_back(db, err);
}

int db_keep_place(struct db *db, struct err *err)
{
    struct stat st;

    if (db->lock < 0)
        return 0;
    if (db->lost)
        return lose(db, db->lost, err);
    if (stat(db->path, &st) < 0)
        return errno == ENOENT ? come_back(db, err) : err_errno(err, errno, "catalog %s", db->path);
    return st.st_dev == db->dev && st.st_ino == db->ino ? 0 : lose_to_other(db, err);
}

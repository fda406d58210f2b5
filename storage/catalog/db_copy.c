/* SPDX-License-Identifier: MIT
 *
 * Copies of the catalog by SQLite's backup API (https://www.sqlite.org/backup.html): one instant,
 * whatever is written meanwhile, and in steps, so that the loop goes on.
 *
 * A copy is one file that needs nothing beside it: its header says no more that a log belongs to
 * it.
 */
#include "storage/catalog/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fsutil.h"

struct db_copy {
    struct db *db; /* NULL: closed meanwhile */
    struct db to;
    sqlite3_backup *backup;
    bool complete;
};

int db_copy_start(struct db *db, const char *path, struct db_copy **ret, struct err *err)
{
    struct db_copy *copy = xcalloc(1, sizeof(*copy));
    bool made;

    copy->db = db;
    copy->to = (struct db){.path = xstrdup(path), .lock = -1};
    unlink(path); /* of one that was interrupted */
    if (db_create_file(path, &made, err) == 0 &&
        db_open_handle(&copy->to, path, SQLITE_OPEN_READWRITE, err) == 0) {
        copy->backup = sqlite3_backup_init(copy->to.h, "main", db->h, "main");
        if (!copy->backup)
            db_fail(&copy->to, err);
    }
    if (!copy->backup) {
        db_copy_free(copy);
        return -1;
    }
    db->copy = copy;
    *ret = copy;
    return 0;
}

static void end_backup(struct db_copy *copy)
{
    sqlite3_backup_finish(copy->backup);
    copy->backup = NULL;
    if (copy->db)
        copy->db->copy = NULL;
    copy->db = NULL;
}

void db_copy_lose(struct db_copy *copy)
{
    if (copy)
        end_backup(copy);
}

static int finish(struct db_copy *copy, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;

    end_backup(copy);
    if (db_exec(&copy->to, "PRAGMA journal_mode = DELETE", err) < 0)
        return -1;
    sqlite3_close(copy->to.h);
    copy->to.h = NULL;
    fd = open(copy->to.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_errno(err, errno, "catalog %s: sync", copy->to.path);
    copy->complete = true;
    return 0;
}

int db_copy_step(struct db_copy *copy, int pages, bool *ret_done, struct err *err)
{
    int rc;

    *ret_done = false;
    if (!copy->backup)
        return err_set(err, ERR_BUSY, "catalog %s: it was closed while it was copied",
                       copy->to.path);
    errno = 0;
    rc = sqlite3_backup_step(copy->backup, pages);
    if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return 0;
    if (rc != SQLITE_DONE) {
        /* Which of the two files it was, the error's class does not say. */
        int sys = errno;

        end_backup(copy);
        if (rc == SQLITE_FULL || sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
            return err_set(err, ERR_NOSPACE, "%s: no space left to copy the catalog",
                           copy->to.path);
        return err_set(err, (rc & 0xff) == SQLITE_CORRUPT ? ERR_CORRUPT : ERR_IO,
                       "%s: the catalog could not be copied: %s", copy->to.path,
                       sqlite3_errstr(rc));
    }
    if (finish(copy, err) < 0)
        return -1;
    *ret_done = true;
    return 0;
}

void db_copy_free(struct db_copy *copy)
{
    if (!copy)
        return;
    if (copy->backup)
        end_backup(copy);
    sqlite3_close(copy->to.h);
    if (!copy->complete)
        unlink(copy->to.path);
    free(copy->to.path);
    free(copy);
}

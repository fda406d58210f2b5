/* SPDX-License-Identifier: MIT
 *
 * Private to storage/: SQLite.  Opening and migrations are in db_open.c, what the statements say in
 * db_sql.c.
 */
#ifndef VMKEEP_STORAGE_CATALOG_DB_H
#define VMKEEP_STORAGE_CATALOG_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

enum db_stmt {
    ST_META_GET,
    ST_META_PUT,
    ST_META_SET,
    ST_JOB_FIRST,
    ST_JOB_RAISE,
    ST_JOB_ADD,
    ST_JOB_BEGIN,
    ST_JOB_REMOVE,
    ST_JOB_START,
    ST_JOB_COPY,
    ST_JOB_DISK_CLEAR,
    ST_JOB_STEP,
    ST_JOB_PROGRESS,
    ST_JOB_DOCUMENT,
    ST_JOB_END,
    ST_JOB_STATE,
    ST_JOB_GET,
    ST_JOB_LIST,
    ST_JOB_LIST_NEWEST,
    ST_JOB_LIST_OF,
    ST_JOB_LIST_OPEN,
    ST_JOB_LAST_BACKUP,
    ST_JOB_DOMAINS,
    ST_JOB_EXPIRE_TO,
    ST_JOB_EXPIRE,
    ST_JOB_POINT_ADD,
    ST_JOB_POINT_LIST,
    ST_JOB_LAST_OF_KIND,
    ST_JOB_DISK_ADD,
    ST_JOB_DISK_LIST,
    ST_JOB_LAST,
    ST_JOB_NEXT,
    ST_POINT_ADD,
    ST_POINT_LIST,
    ST_POINT_LIST_OF,
    ST_POINT_LIST_IN,
    ST_POINT_SKETCH,
    ST_POINT_NEWEST,
    ST_POINT_BELOW,
    ST_POINT_SIZE,
    ST_POINT_CHAIN,
    ST_POINT_BYTES,
    ST_JOB_TOTALS,
    ST_JOB_BACKUPS_SINCE,
    ST_JOB_ENDED_SINCE,
    ST_SEEN_ONE,
    ST_SEEN_STATE,
    ST_JOB_DURATIONS,
    ST_POINT_OF_TIME,
    ST_POINT_GOING,
    ST_POINT_DOMAINS,
    ST_POINT_LAST_GOOD,
    ST_POINT_STATE,
    ST_POINT_KEEP,
    ST_POINT_DAMAGE,
    ST_POINT_NEEDED,
    ST_POINT_READ,
    ST_POINT_PIN,
    ST_JOB_READING_PUT,
    ST_JOB_READING,
    ST_SCHEDULE_GET,
    ST_SCHEDULE_ADD,
    ST_SCHEDULE_RAN,
    ST_SCHEDULE_FORGET,
    ST_POINT_DELETE,
    ST_POINT_DISK_ADD,
    ST_POINT_DISK_LIST,
    ST_POINT_MERGING,
    ST_POINT_MERGED,
    ST_POINT_DISK_MERGED,
    ST_MISSING_ADD,
    ST_MISSING_LIST,
    ST_MISSING_OF,
    ST_LEFT_OUT_ADD,
    ST_LEFT_OUT_LIST,
    ST_CHECKPOINT_ADD,
    ST_CHECKPOINT_NAMED,
    ST_CHECKPOINT_DISK_ADD,
    ST_CHECKPOINT_DISK_LIST,
    ST_CHECKPOINT_LIST,
    ST_CHECKPOINT_LIST_OF,
    ST_CHECKPOINT_DROP,
    ST_CHECKPOINT_GIVE_UP,
    ST_CHECKPOINT_DROP_CURRENT,
    ST_CHECKPOINT_DROP_OF_POINT,
    ST_CHECKPOINT_DROP_OF_JOB,
    ST_CHECKPOINT_DROP_ORPHANS,
    ST_CHECKPOINT_MAKE_CURRENT,
    ST_CHECKPOINT_KEEP,
    ST_CHECKPOINT_KEEP_OF_JOB,
    ST_CHECKPOINT_REPARENT,
    ST_CHECKPOINT_FORGET,
    ST_CHECKPOINT_REMEMBER,
    ST_CHECKPOINT_GONE,
    ST_CHECKPOINT_REDEFINE,
    ST_CHECKPOINT_REDEFINE_NEW,
    ST_CHECKPOINT_DISK_CLEAR,
    ST_CHECKPOINT_LEFT_OUT_ADD,
    ST_CHECKPOINT_LEFT_OUT_LIST,
    ST_CHECKPOINT_LEFT_OUT_CLEAR,
    ST_COVER,
    ST_UNCOVER,
    ST_COVER_LIST,
    ST_COVER_FORGET,
    ST_COVER_GONE,
    ST_COVER_EXPIRE,
    ST_COVERED,
    ST_AT_HOST,
    ST_AT_HOST_PLACE,
    ST_AT_HOST_RAN,
    ST_AT_HOST_FIND,
    ST_COVER_SINCE,
    ST_HISTORY,
    ST_SINCE_FULL,
    ST_DUE_BEFORE,
    ST_DUES_AFTER,
    ST_QUIESCED,
    ST_QUIESCED_ADD,
    ST_ALLOCATION,
    ST_ALLOCATION_PUT,
    ST_FROZEN,
    ST_FROZEN_ADD,
    ST_FROZEN_DELETE,
    ST_MADE_ADD,
    ST_MADE_LIST,
    ST_REPOSITORY_GET,
    ST_REPOSITORY_OF_ID,
    ST_REPOSITORY_FORGET,
    ST_REPOSITORY_PUT,
    ST_REPOSITORY_SEEN,
    ST_REPOSITORY_POINTS,
    ST_REPOSITORY_AWAY,
    ST_REPOSITORY_BACK,
    ST_SEEN_PUT,
    ST_SEEN_FORGET,
    ST_SEEN_FORGET_OLD,
    ST_SEEN_UUID,
    ST_SEEN_LIST,
    ST_SEEN_DISK_ADD,
    ST_SEEN_DISK_CLEAR,
    ST_SEEN_DISK_LIST,
    ST_TOLD_LIST,
    ST_TOLD_PUT,
    ST_TOLD_DELETE,
    ST_TOLD_FORGET,
    ST_MESSAGE_ADD,
    ST_MESSAGE_FIRST,
    ST_MESSAGE_LIST,
    ST_MESSAGE_UNSURE,
    ST_MESSAGE_BEGIN,
    ST_MESSAGE_LOSE,
    ST_MESSAGE_DROP,
    ST_MESSAGE_FAILED,
    ST_MESSAGE_DELETE,
    ST_MESSAGE_FORGET,
    ST_MESSAGE_HURRY,
    ST_TARGET_LIST,
    ST_TARGET_ADD,
    ST_TARGET_SENT,
    ST_TARGET_FAILED,
    ST_TARGET_TRIED,
    ST_TARGET_FORGET,
    ST_RUN_GET,
    ST_RUN_PUT,
    ST_COUNT
};

extern const char *const db_sql[ST_COUNT];

/* What befalls the file itself; see catalog_listen. */
enum db_event { DB_WRITTEN_BACK, DB_LOST, DB_DAMAGED };

struct db_copy;

struct db_beside {
    dev_t dev;
    ino_t ino; /* 0: there is none */
};

struct db {
    sqlite3 *h;
    char *path;
    int lock; /* descriptor of the writer's lock, or -1 */
    sqlite3_stmt *stmts[ST_COUNT];
    /* a writer's */
    dev_t dev; /* of the file that h has open */
    ino_t ino;
    struct db_beside beside[2]; /* its log and its shared memory */
    const char *lost;           /* why nothing is written any more; NULL: all is well */
    bool failed;                /* the file system failed since the last catalog_try */
    int64_t failed_at;          /* uptime of the first such failure */
    struct db_copy *copy;       /* under way; NULL: none */
    void (*tell)(void *ctx, enum db_event event, const char *text); /* NULL: nobody listens */
    void *tell_ctx;
};

#define DB_SCHEMA_VERSION 10
#define DB_APPLICATION_ID 0x766d6b70 /* "vmkp" */

/* See catalog_open. db_open.c. */
int db_open(struct db *db, const char *path, bool write, struct err *err);
void db_close(struct db *db);

/* Opens a handle as all of ours are set; what makes a handle a writer's. db_open.c. */
int db_open_handle(struct db *db, const char *name, int flags, struct err *err);
int db_set_writer(struct db *db, struct err *err);

/* Is it a catalog, of a version that we know, and whole?  *ret_version: 0 for an empty one.
 * ERR_CORRUPT, ERR_UNSUPPORTED. db_open.c. */
int db_examine(struct db *db, int *ret_version, struct err *err);
/* From that version to ours. db_open.c. */
int db_migrate(struct db *db, int version, struct err *err);

/* The name under which a file that nobody changes is opened, with SQLITE_OPEN_URI. Caller frees. */
char *db_immutable_uri(const char *path);

/* A new file at path with the catalog's mode; *ret_made false: one is there. db_open.c. */
int db_create_file(const char *path, bool *ret_made, struct err *err);
/* Does a writer hold the lock of the catalog at path?  There need be neither; and which file it
 * is. */
int db_look_at_lock(const char *path, bool *ret_held, struct stat *ret_file, struct err *err);

/* Takes the lock beside path, however often its file was removed. db_open.c. */
int db_take_lock(struct db *db, struct err *err);

/* Notes which file the handle has open; what lies beside it, once it has that open. db_place.c. */
int db_note_place(struct db *db, struct err *err);
int db_note_beside(struct db *db, struct err *err);

/* Before each write: does the file still lie under its name?  One that was deleted is written
 * back (all statements are gone then), with its lock.  ERR_CORRUPT, now and for ever: another
 * file lies there, or another's log, or another daemon has taken the lock.  Nothing for a
 * reader.  db_place.c. */
int db_keep_place(struct db *db, struct err *err);
/* The same for the lock, at leisure: who deletes it lets a second daemon in. */
int db_keep_lock(struct db *db, struct err *err);

/* A copy of the whole database as it was at one instant, into a new file, some pages at a time;
 * what is written meanwhile through db is in it.  db_copy.c.
 * db_copy_step: *ret_done when the file is complete, closed, and on disk; pages -1: all at once.
 * db_copy_free: also of one that is not done, whose file is removed. */
int db_copy_start(struct db *db, const char *path, struct db_copy **ret, struct err *err);
int db_copy_step(struct db_copy *copy, int pages, bool *ret_done, struct err *err);
void db_copy_free(struct db_copy *copy);
/* The database is being closed under it: its next step fails. */
void db_copy_lose(struct db_copy *copy);

/* What SQLite's error means, in our words; right after the call that failed. */
int db_fail(struct db *db, struct err *err);

/* SQL without parameters and results. */
int db_exec(struct db *db, const char *sql, struct err *err);

/* ERR_CORRUPT also when the file lacks what the SQL is about. The caller finalizes. */
int db_prepare(struct db *db, const char *text, unsigned flags, sqlite3_stmt **ret,
               struct err *err);

/* A statement of the table, prepared on first use. Reset and unbound when it leaves scope:
 * declare it STMT.  One that writes, outside of a transaction, keeps the file's place first: no
 * other statement may be under way then. */
int db_stmt(struct db *db, enum db_stmt id, sqlite3_stmt **ret, struct err *err);

static inline void db_stmt_release(sqlite3_stmt **st)
{
    if (*st) {
        sqlite3_reset(*st);
        sqlite3_clear_bindings(*st);
    }
}
#define STMT CLEANUP(db_stmt_release) sqlite3_stmt *

/* Runs a statement that gives no rows. */
int db_run(struct db *db, sqlite3_stmt *st, struct err *err);

/* The next row: 1, or 0 at the end, or -1.  The first `whole` of its columns are never NULL, else
 * the catalog is damaged. */
int db_row(struct db *db, sqlite3_stmt *st, int whole, struct err *err);

/* One transaction around body: committed when it returns 0, else rolled back. */
int db_tx(struct db *db, int (*body)(struct db *db, void *arg, struct err *err), void *arg,
          struct err *err);

/* NULL binds as NULL; the text must outlive the statement's run. */
void db_bind_text(sqlite3_stmt *st, int i, const char *s);

/* Caller frees; NULL for NULL. */
char *db_text(sqlite3_stmt *st, int column);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The catalog as a file: what befalls it, copies of it, and numbers that never go back. */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

static void tell(void *ctx, enum db_event event, const char *text)
{
    static const enum catalog_event events[] = {
        [DB_WRITTEN_BACK] = CATALOG_WRITTEN_BACK,
        [DB_LOST] = CATALOG_LOST,
        [DB_DAMAGED] = CATALOG_DAMAGED,
    };
    struct catalog *c = ctx;

    c->listener(c->listener_ctx, events[event], text);
}

void catalog_listen(struct catalog *c, catalog_event_fn fn, void *ctx)
{
    c->listener = fn;
    c->listener_ctx = ctx;
    c->db.tell = fn ? tell : NULL;
    c->db.tell_ctx = c;
}

int catalog_check(const char *path, struct err *err)
{
    struct catalog *c = NULL;
    int version, rc;

    if (catalog_open(path, CATALOG_READ, &c, err) < 0)
        return -1;
    rc = db_examine(&c->db, &version, err);
    catalog_close(c);
    return rc;
}

const char *catalog_path(const struct catalog *c)
{
    return c->db.path;
}

uint64_t catalog_changes(const struct catalog *c)
{
    return c->changes + 1;
}

int catalog_is_kept(const struct catalog *c, const char *path, bool *ret, struct err *err)
{
    struct stat own, other;
    bool held;

    if (db_look_at_lock(path, ret, &other, err) < 0)
        return -1;
    if (*ret && db_look_at_lock(c->db.path, &held, &own, err) < 0)
        return -1;
    *ret = *ret && (own.st_dev != other.st_dev || own.st_ino != other.st_ino);
    return 0;
}

int catalog_keep_place(struct catalog *c, struct err *err)
{
    return db_keep_place(&c->db, err) < 0 ? -1 : db_keep_lock(&c->db, err);
}

static int set_last_job(struct db *db, int64_t job, struct err *err)
{
    STMT first = NULL;
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_FIRST, &first, err) < 0 || db_run(db, first, err) < 0 ||
        db_stmt(db, ST_JOB_RAISE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    return db_run(db, st, err);
}

static int set_body(struct db *db, void *arg, struct err *err)
{
    return set_last_job(db, *(const int64_t *)arg, err);
}

int catalog_set_last_job(struct catalog *c, int64_t job, struct err *err)
{
    return db_tx(&c->db, set_body, &job, err);
}

static int behind_body(struct db *db, void *arg, struct err *err)
{
    CLEANUP_FREE char *text = xasprintf("%lld", (long long)*(const int64_t *)arg);

    return catalog_exec(db, ST_META_SET, (const char *const[]){BEHIND_KEY, text}, 2, err);
}

int catalog_note_behind(struct catalog *c, int64_t seen, struct err *err)
{
    return db_tx(&c->db, behind_body, &seen, err);
}

/* Both or neither: once the number is raised, nothing else tells that jobs are lacking. */
static int raise_body(struct db *db, void *arg, struct err *err)
{
    return set_last_job(db, *(const int64_t *)arg, err) < 0 ? -1 : behind_body(db, arg, err);
}

int catalog_raise_job(struct catalog *c, int64_t seen, bool *ret_raised, struct err *err)
{
    int64_t next = 0;

    *ret_raised = false;
    if (catalog_next_job(c, &next, err) < 0)
        return -1;
    if (next > seen)
        return 0;
    if (seen >= CATALOG_JOB_MAX)
        return err_set(err, ERR_INVALID, "job number %lld is none that vmkeep has given",
                       (long long)seen);
    if (db_tx(&c->db, raise_body, &seen, err) < 0)
        return -1;
    *ret_raised = true;
    return 0;
}

int catalog_behind(struct catalog *c, int64_t *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = 0;
    if (db_stmt(&c->db, ST_META_GET, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, BEHIND_KEY);
    rc = db_row(&c->db, st, 1, err);
    if (rc > 0 && !parse_int((const char *)sqlite3_column_text(st, 0), 1, CATALOG_JOB_MAX, ret))
        return err_set(err, ERR_CORRUPT, "catalog %s: it is damaged (%s is no number of a job)",
                       c->db.path, BEHIND_KEY);
    return rc < 0 ? -1 : 0;
}

/* ---- copies ---- */

struct catalog_copy {
    struct db_copy *copy;
};

int catalog_copy_start(struct catalog *c, const char *path, struct catalog_copy **ret,
                       struct err *err)
{
    struct catalog_copy *copy = xcalloc(1, sizeof(*copy));

    if (db_copy_start(&c->db, path, &copy->copy, err) < 0) {
        free(copy);
        return -1;
    }
    *ret = copy;
    return 0;
}

int catalog_copy_step(struct catalog_copy *copy, int pages, bool *ret_done, struct err *err)
{
    return db_copy_step(copy->copy, pages, ret_done, err);
}

void catalog_copy_free(struct catalog_copy *copy)
{
    if (!copy)
        return;
    db_copy_free(copy->copy);
    free(copy);
}

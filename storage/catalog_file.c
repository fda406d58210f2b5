/* SPDX-License-Identifier: MIT
 *
 * The catalog as a file: what befalls it, copies of it, and numbers that never go back. */
#include "storage/catalog_priv.h"

#include <stdlib.h>

#include "base/alloc.h"

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

int catalog_keep_place(struct catalog *c, struct err *err)
{
    return db_keep_place(&c->db, err) < 0 ? -1 : db_keep_lock(&c->db, err);
}

static int raise_body(struct db *db, void *arg, struct err *err)
{
    STMT first = NULL;
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_FIRST, &first, err) < 0 || db_run(db, first, err) < 0 ||
        db_stmt(db, ST_JOB_RAISE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, *(const int64_t *)arg);
    return db_run(db, st, err);
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

/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/cleanup.h"

int catalog_exec(struct db *db, enum db_stmt id, const char *const *args, int n, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, id, &st, err) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        db_bind_text(st, i + 1, args[i]);
    return db_run(db, st, err);
}

int catalog_error_from_name(const char *s, enum err_code *ret)
{
    for (int i = 0; i < ERR_CODE_COUNT; i++) {
        if (strcmp(s, err_code_name((enum err_code)i)) == 0) {
            *ret = (enum err_code)i;
            return 0;
        }
    }
    return -1;
}

int catalog_read_id(struct catalog *c, bool *found, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_META_GET, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, "id");
    rc = db_row(&c->db, st, 1, err);
    *found = rc > 0;
    if (*found)
        snprintf(c->id, sizeof(c->id), "%s", (const char *)sqlite3_column_text(st, 0));
    return rc < 0 ? -1 : 0;
}

int catalog_draw_id(char id[9], struct err *err)
{
    uint32_t random;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_errno(err, errno, "draw a catalog's id");
    snprintf(id, sizeof("01234567"), "%08x", random);
    return 0;
}

/* Drawn once.  A writer that was killed before it could leaves that to the next. */
static int ensure_id(struct catalog *c, bool write, struct err *err)
{
    bool found;

    if (catalog_read_id(c, &found, err) < 0)
        return -1;
    if (found)
        return 0;
    if (!write)
        return err_set(err, ERR_NOTFOUND, "catalog %s: it is being made", c->db.path);
    if (catalog_draw_id(c->id, err) < 0)
        return err_wrap(err, "catalog %s", c->db.path);
    return catalog_exec(&c->db, ST_META_PUT, (const char *const[]){"id", c->id}, 2, err);
}

int catalog_open(const char *path, enum catalog_access access, struct catalog **ret,
                 struct err *err)
{
    struct catalog *c = xcalloc(1, sizeof(*c));

    if (db_open(&c->db, path, access == CATALOG_WRITE, err) < 0) {
        free(c);
        return -1;
    }
    if (ensure_id(c, access == CATALOG_WRITE, err) < 0) {
        catalog_close(c);
        return -1;
    }
    *ret = c;
    return 0;
}

void catalog_close(struct catalog *c)
{
    if (!c)
        return;
    db_close(&c->db);
    free(c);
}

const char *catalog_id(const struct catalog *c)
{
    return c->id;
}

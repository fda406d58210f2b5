/* SPDX-License-Identifier: MIT
 *
 * What backups begun by hand have made outside of repositories. */
#include "storage/catalog/catalog_made.h"

#include "storage/catalog/catalog_priv.h"

struct put {
    int64_t job;
    const struct made_list *made;
};

static int put_body(struct db *db, void *arg, struct err *err)
{
    const struct put *p = arg;

    for (size_t i = 0; i < p->made->n; i++) {
        const struct made *m = &p->made->items[i];
        STMT st = NULL;

        if (db_stmt(db, ST_MADE_ADD, &st, err) < 0)
            return -1;
        sqlite3_bind_int64(st, 1, p->job);
        db_bind_text(st, 2, made_what_name(m->what));
        db_bind_text(st, 3, m->path);
        sqlite3_bind_int64(st, 4, (int64_t)m->device);
        sqlite3_bind_int64(st, 5, (int64_t)m->inode);
        sqlite3_bind_int64(st, 6, m->born);
        if (db_run(db, st, err) < 0)
            return -1;
    }
    return 0;
}

int catalog_made_put(struct catalog *c, int64_t job, const struct made_list *made, struct err *err)
{
    struct put p = {job, made};

    return db_tx(&c->db, put_body, &p, err);
}

int catalog_made(struct catalog *c, int64_t job, struct made_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_MADE_LIST, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    while ((rc = db_row(&c->db, st, 5, err)) == 1) {
        enum made_what what;
        struct made *m;

        if (CATALOG_WORD(&c->db, st, 0, made_what_from_name, &what, err) < 0) {
            rc = -1;
            break;
        }
        m = VEC_ADD(ret);
        m->what = what;
        m->path = db_text(st, 1);
        m->device = (uint64_t)sqlite3_column_int64(st, 2);
        m->inode = (uint64_t)sqlite3_column_int64(st, 3);
        m->born = sqlite3_column_int64(st, 4);
    }
    if (rc < 0)
        made_list_done(ret);
    return rc;
}

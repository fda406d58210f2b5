/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_allocation.h"

#include "storage/catalog/catalog_priv.h"

static void bind(sqlite3_stmt *st, const char *host, const char *domain, const char *checkpoint,
                 const char *disk)
{
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, checkpoint);
    db_bind_text(st, 4, disk);
}

int catalog_allocation_put(struct catalog *c, const char *host, const char *domain,
                           const char *checkpoint, const char *disk, const char *map,
                           struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_ALLOCATION_PUT, &st, err) < 0)
        return -1;
    bind(st, host, domain, checkpoint, disk);
    db_bind_text(st, 5, map);
    return db_run(&c->db, st, err);
}

int catalog_allocation(struct catalog *c, const char *host, const char *domain,
                       const char *checkpoint, const char *disk, char **ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_ALLOCATION, &st, err) < 0)
        return -1;
    bind(st, host, domain, checkpoint, disk);
    rc = db_row(&c->db, st, 1, err);
    *ret = rc > 0 ? db_text(st, 0) : NULL;
    return rc < 0 ? -1 : 0;
}

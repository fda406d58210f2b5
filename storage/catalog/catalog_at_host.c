/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_at_host.h"

#include <stdlib.h>

#include "storage/catalog/catalog_priv.h"

void at_host_done(struct at_host *a)
{
    free(a->place);
    free(a->boot);
    *a = (struct at_host){0};
}

int catalog_at_host(struct catalog *c, int64_t job, struct at_host *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct at_host){0};
    if (db_stmt(&c->db, ST_AT_HOST, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    rc = db_row(&c->db, st, 0, err);
    if (rc > 0) {
        ret->place = db_text(st, 0);
        ret->boot = db_text(st, 1);
        ret->ran = sqlite3_column_int64(st, 2);
    }
    return rc < 0 ? -1 : 0;
}

int catalog_at_host_place(struct catalog *c, int64_t job, const char *place, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_AT_HOST_PLACE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    db_bind_text(st, 2, place);
    return db_run(&c->db, st, err);
}

int catalog_at_host_ran(struct catalog *c, int64_t job, const char *boot, int64_t uptime,
                        struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_AT_HOST_RAN, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    db_bind_text(st, 2, boot);
    sqlite3_bind_int64(st, 3, uptime);
    return db_run(&c->db, st, err);
}

int catalog_at_host_find(struct catalog *c, const char *host, const char *domain, const char *place,
                         int64_t *ret_job, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret_job = 0;
    if (db_stmt(&c->db, ST_AT_HOST_FIND, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, place);
    rc = db_row(&c->db, st, 0, err);
    if (rc > 0)
        *ret_job = sqlite3_column_int64(st, 0);
    return rc < 0 ? -1 : 0;
}

/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_frozen.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "storage/catalog/catalog_priv.h"

#define FREEZE "freeze" /* among what was seen */

int catalog_frozen(struct catalog *c, const char *host, const char *domain, int64_t *ret,
                   struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_FROZEN, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    rc = db_row(&c->db, st, 1, err);
    *ret = rc > 0 ? sqlite3_column_int64(st, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int catalog_frozen_put(struct catalog *c, const char *host, const char *domain, int64_t since,
                       struct err *err)
{
    int64_t known;
    STMT st = NULL;

    if (catalog_frozen(c, host, domain, &known, err) < 0)
        return -1;
    if ((known != 0) == (since != 0))
        return 0;
    if (db_stmt(&c->db, since ? ST_FROZEN_ADD : ST_FROZEN_DELETE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    if (since)
        sqlite3_bind_int64(st, 3, since);
    return db_run(&c->db, st, err);
}

int catalog_quiesced_put(struct catalog *c, int64_t job, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_QUIESCED_ADD, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    return db_run(&c->db, st, err);
}

int catalog_quiesced(struct catalog *c, int64_t job, bool *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_QUIESCED, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    rc = db_row(&c->db, st, 1, err);
    *ret = rc > 0;
    return rc < 0 ? -1 : 0;
}

int catalog_freeze_put(struct catalog *c, const char *host, const char *domain, int ms, int64_t now,
                       struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);
    char text[16];

    snprintf(text, sizeof(text), "%d", ms);
    return catalog_seen_put(c, FREEZE, name, text, NULL, NULL, now, err);
}

int catalog_freeze(struct catalog *c, const char *host, const char *domain,
                   struct catalog_freeze *ret, struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);
    STMT st = NULL;
    int rc;

    *ret = (struct catalog_freeze){0, 0};
    if (db_stmt(&c->db, ST_SEEN_ONE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, FREEZE);
    db_bind_text(st, 2, name);
    rc = db_row(&c->db, st, 2, err);
    if (rc > 0)
        *ret = (struct catalog_freeze){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)};
    return rc < 0 ? -1 : 0;
}

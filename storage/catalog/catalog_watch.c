/* SPDX-License-Identifier: MIT
 *
 * What policies cover, how their backups went, and what was last seen. */
#include "storage/catalog/catalog_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/uptime.h"

#define GONE_S ((int64_t)90 * 86400)
#define TRIAL_SIZE (1024 * 1024) /* several times what db_set_writer lets the log become */

static int set_cover(struct catalog *c, enum db_stmt id, const char *host, const char *domain,
                     const char *policy, int64_t now, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, id, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    sqlite3_bind_int64(st, 4, now);
    return db_run(&c->db, st, err);
}

int catalog_cover(struct catalog *c, const char *host, const char *domain, const char *policy,
                  int64_t now, struct err *err)
{
    return set_cover(c, ST_COVER, host, domain, policy, now, err);
}

int catalog_uncover(struct catalog *c, const char *host, const char *domain, const char *policy,
                    int64_t now, struct err *err)
{
    return set_cover(c, ST_UNCOVER, host, domain, policy, now, err);
}

int catalog_cover_gone(struct catalog *c, const char *host, const char *domain, int64_t now,
                       struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_COVER_GONE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    sqlite3_bind_int64(st, 3, now);
    return db_run(&c->db, st, err);
}

int catalog_cover_expire(struct catalog *c, int64_t before, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_COVER_EXPIRE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, before);
    return db_run(&c->db, st, err);
}

int catalog_covered(struct catalog *c, const char *host, struct strlist *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_COVERED, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    while ((rc = db_row(&c->db, st, 1, err)) > 0) {
        CLEANUP_FREE char *name = db_text(st, 0);

        strlist_add(ret, name);
    }
    return rc;
}

static int query_of(struct catalog *c, enum db_stmt id, int whole, const char *host,
                    const char *domain, const char *policy, sqlite3_stmt **ret, struct err *err)
{
    if (db_stmt(&c->db, id, ret, err) < 0)
        return -1;
    db_bind_text(*ret, 1, host);
    db_bind_text(*ret, 2, domain);
    db_bind_text(*ret, 3, policy);
    return db_row(&c->db, *ret, whole, err);
}

static int read_last(struct db *db, sqlite3_stmt *st, struct catalog_history *h, struct err *err)
{
    enum job_state state;
    enum job_outcome outcome;
    CLEANUP_FREE char *boot = NULL;

    if (CATALOG_WORD(db, st, 1, job_state_from_name, &state, err) < 0 ||
        CATALOG_WORD(db, st, 2, job_outcome_from_name, &outcome, err) < 0 ||
        CATALOG_WORD(db, st, 3, catalog_error_from_name, &h->error, err) < 0 ||
        CATALOG_WORD(db, st, 5, level_from_name, &h->last_level, err) < 0)
        return -1;
    h->last_due = sqlite3_column_int64(st, 0);
    h->has_attempt = state == JOB_ENDED;
    h->failed = outcome == OUTCOME_FAILED && err_is_transient(h->error);
    h->last_end = sqlite3_column_int64(st, 4);
    h->failures = sqlite3_column_int(st, 6);
    h->last_created = sqlite3_column_int64(st, 7);
    h->last_uptime = sqlite3_column_int64(st, 8);
    boot = db_text(st, 9);
    snprintf(h->last_boot, sizeof(h->last_boot), "%s", boot ? boot : "");
    return 0;
}

int catalog_history(struct catalog *c, const char *host, const char *domain, const char *policy,
                    struct catalog_history *ret, struct err *err)
{
    STMT since = NULL;
    STMT last = NULL;
    struct catalog_history h = {0};
    int rc = query_of(c, ST_COVER_SINCE, 1, host, domain, policy, &since, err);

    if (rc > 0)
        h.since = sqlite3_column_int64(since, 0);
    if (rc >= 0)
        rc = query_of(c, ST_HISTORY, 9, host, domain, policy, &last, err);
    if (rc < 0 || (rc > 0 && read_last(&c->db, last, &h, err) < 0))
        return -1;
    *ret = h;
    return 0;
}

void due_list_done(struct due_list *l)
{
    free(l->items);
    *l = (struct due_list){0};
}

int catalog_due_before(struct catalog *c, const char *host, const char *domain, const char *policy,
                       int64_t until, int64_t *ret, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_DUE_BEFORE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    sqlite3_bind_int64(st, 4, until);
    if (db_row(&c->db, st, 0, err) < 0)
        return -1;
    *ret = sqlite3_column_int64(st, 0);
    return 0;
}

int catalog_dues_after(struct catalog *c, const char *host, const char *domain, const char *policy,
                       int64_t after, struct due_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_DUES_AFTER, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    sqlite3_bind_int64(st, 4, after);
    while ((rc = db_row(&c->db, st, 1, err)) > 0)
        *VEC_ADD(ret) = sqlite3_column_int64(st, 0);
    return rc;
}

void seen_list_done(struct seen_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].kind);
        free(l->items[i].name);
        free(l->items[i].state);
        free(l->items[i].problem);
        free(l->items[i].unsafe);
        free(l->items[i].uuid);
    }
    free(l->items);
    *l = (struct seen_list){0};
}

static int compare_name(const void *name, const void *seen)
{
    return strcmp(name, ((const struct seen *)seen)->name);
}

const struct seen *seen_list_find(const struct seen_list *l, const char *name)
{
    return l->n > 0 ? bsearch(name, l->items, l->n, sizeof(*l->items), compare_name) : NULL;
}

int catalog_seen_put(struct catalog *c, const char *kind, const char *name, const char *state,
                     const char *problem, const char *unsafe, int64_t now, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_SEEN_PUT, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, kind);
    db_bind_text(st, 2, name);
    db_bind_text(st, 3, state);
    db_bind_text(st, 4, problem);
    sqlite3_bind_int64(st, 5, now);
    db_bind_text(st, 6, unsafe);
    return db_run(&c->db, st, err);
}

/* A small write may find room in the log as it is, and the next one none: it is one that makes the
 * log longer. */
int catalog_try(struct catalog *c, int64_t now, struct err *err)
{
    CLEANUP_FREE char *much = NULL;

    if (!c->db.failed)
        return 0;
    much = xasprintf("%*s", TRIAL_SIZE, "");
    if (catalog_seen_put(c, "catalog", "catalog", "ok", much, NULL, now, err) < 0 ||
        catalog_seen_put(c, "catalog", "catalog", "ok", NULL, NULL, now, err) < 0)
        return -1;
    c->db.failed = false;
    return 0;
}

int64_t catalog_failing_for(const struct catalog *c)
{
    return c->db.failed ? uptime_seconds() - c->db.failed_at : 0;
}

int catalog_seen_forget(struct catalog *c, const char *kind, const char *name, struct err *err)
{
    return catalog_exec(&c->db, ST_SEEN_FORGET, (const char *const[]){kind, name}, 2, err);
}

int catalog_seen_uuid(struct catalog *c, const char *domain, const char *uuid, struct err *err)
{
    return catalog_exec(&c->db, ST_SEEN_UUID, (const char *const[]){domain, uuid}, 2, err);
}

int catalog_seen(struct catalog *c, const char *kind, struct seen_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_SEEN_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, kind);
    while ((rc = db_row(&c->db, st, 4, err)) > 0) {
        struct seen *s = VEC_ADD(ret);

        s->kind = db_text(st, 0);
        s->name = db_text(st, 1);
        s->state = db_text(st, 2);
        s->at = sqlite3_column_int64(st, 3);
        s->problem = db_text(st, 4);
        s->unsafe = db_text(st, 5);
        s->uuid = db_text(st, 6);
    }
    if (rc < 0)
        seen_list_done(ret);
    return rc;
}

int catalog_since_full(struct catalog *c, const char *host, const char *domain, const char *policy,
                       int *ret_incrementals, int64_t *ret_full_at, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_SINCE_FULL, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    if (db_row(&c->db, st, 2, err) < 0)
        return -1;
    *ret_incrementals = sqlite3_column_int(st, 0);
    *ret_full_at = sqlite3_column_int64(st, 1);
    return 0;
}

/* ---- renamed ---- */

/* Names come and go; who has not come back by then does not. */
static int forget_long_gone(struct catalog *c, const char *kind, int64_t now, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_SEEN_FORGET_OLD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, kind);
    sqlite3_bind_int64(st, 2, now - GONE_S);
    return db_run(&c->db, st, err);
}

int catalog_gone_put(struct catalog *c, const char *domain, const char *uuid, int64_t now,
                     struct err *err)
{
    if (forget_long_gone(c, "gone", now, err) < 0)
        return -1;
    return catalog_seen_put(c, "gone", domain, uuid, NULL, NULL, now, err);
}

static bool of_one_host(const char *a, const char *b)
{
    const char *slash = strchr(a, '/');

    return slash && strncmp(a, b, (size_t)(slash - a) + 1) == 0;
}

int catalog_gone_name(struct catalog *c, const char *domain, const char *uuid, char **ret,
                      int64_t *ret_until, struct err *err)
{
    const struct seen *last = NULL;
    struct seen_list l = {0};

    *ret = NULL;
    if (catalog_seen(c, "gone", &l, err) < 0)
        return -1;
    for (size_t i = 0; i < l.n; i++)
        if (str_eq(l.items[i].state, uuid) && of_one_host(domain, l.items[i].name) &&
            strcmp(domain, l.items[i].name) != 0 && (!last || l.items[i].at > last->at))
            last = &l.items[i];
    if (last) {
        *ret = xstrdup(last->name);
        *ret_until = last->at;
    }
    seen_list_done(&l);
    return 0;
}

/* ---- made anew ---- */

int catalog_chain_uuid_put(struct catalog *c, const char *chain, const char *uuid, int64_t now,
                           struct err *err)
{
    if (forget_long_gone(c, "chain", now, err) < 0)
        return -1;
    return catalog_seen_put(c, "chain", chain, uuid, NULL, NULL, now, err);
}

int catalog_chain_uuid(struct catalog *c, const char *chain, char **ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = NULL;
    if (db_stmt(&c->db, ST_SEEN_STATE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, "chain");
    db_bind_text(st, 2, chain);
    rc = db_row(&c->db, st, 1, err);
    if (rc > 0)
        *ret = db_text(st, 0);
    return rc < 0 ? -1 : 0;
}

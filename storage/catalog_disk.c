/* SPDX-License-Identifier: MIT
 *
 * Disks: what they were when a point or a checkpoint was made of them, those that a point lacks,
 * and those that a domain was last seen with. */
#include "storage/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void catalog_bind_origin(sqlite3_stmt *st, int first, const struct disk_origin *o)
{
    db_bind_text(st, first, o->image);
    db_bind_text(st, first + 1, o->identity);
    db_bind_text(st, first + 2, o->device);
    db_bind_text(st, first + 3, o->bitmap);
}

struct disk_origin catalog_read_origin(sqlite3_stmt *st, int first)
{
    return (struct disk_origin){db_text(st, first), db_text(st, first + 1), db_text(st, first + 2),
                                db_text(st, first + 3)};
}

int catalog_put_missing(struct db *db, const struct point *p, struct err *err)
{
    for (size_t i = 0; i < p->missing.n; i++) {
        const char *const args[] = {p->id, p->missing.items[i]};

        if (catalog_exec(db, ST_MISSING_ADD, args, 2, err) < 0)
            return -1;
    }
    return 0;
}

int catalog_read_missing(struct db *db, struct point *p, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_MISSING_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, p->id);
    while ((rc = db_row(db, st, 1, err)) > 0)
        strlist_add(&p->missing, (const char *)sqlite3_column_text(st, 0));
    return rc;
}

void seen_disk_list_done(struct seen_disk_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].name);
    free(l->items);
    *l = (struct seen_disk_list){0};
}

static int list(struct db *db, const char *host, const char *domain, struct seen_disk_list *ret,
                struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_SEEN_DISK_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    while ((rc = db_row(db, st, 2, err)) > 0) {
        struct seen_disk *d = VEC_ADD(ret);

        d->name = db_text(st, 0);
        d->since = sqlite3_column_int64(st, 1);
    }
    if (rc < 0)
        seen_disk_list_done(ret);
    return rc;
}

int catalog_seen_disks(struct catalog *c, const char *host, const char *domain,
                       struct seen_disk_list *ret, struct err *err)
{
    return list(&c->db, host, domain, ret, err);
}

struct seen_disks {
    const char *host, *domain;
    const struct strlist *names;
    int64_t now;
};

static bool is_known(const struct seen_disk_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return true;
    return false;
}

static int add(struct db *db, const struct seen_disks *s, const char *name, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_SEEN_DISK_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, s->host);
    db_bind_text(st, 2, s->domain);
    db_bind_text(st, 3, name);
    sqlite3_bind_int64(st, 4, s->now);
    return db_run(db, st, err);
}

static int change(struct db *db, const struct seen_disks *s, const struct seen_disk_list *known,
                  struct err *err)
{
    for (size_t i = 0; i < known->n; i++) {
        const char *const args[] = {s->host, s->domain, known->items[i].name};

        if (!strlist_has(s->names, args[2]) &&
            catalog_exec(db, ST_SEEN_DISK_REMOVE, args, 3, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < s->names->n; i++)
        if (!is_known(known, s->names->items[i]) && add(db, s, s->names->items[i], err) < 0)
            return -1;
    return 0;
}

static int put_body(struct db *db, void *arg, struct err *err)
{
    const struct seen_disks *s = arg;
    struct seen_disk_list known = {0};
    int rc = list(db, s->host, s->domain, &known, err);

    if (rc == 0)
        rc = change(db, s, &known, err);
    seen_disk_list_done(&known);
    return rc;
}

/* Does the list say just that? */
static bool is_same(const struct seen_disk_list *known, const struct strlist *names)
{
    bool same = known->n == names->n;

    for (size_t i = 0; i < names->n && same; i++)
        same = is_known(known, names->items[i]);
    return same;
}

int catalog_seen_disks_put(struct catalog *c, const char *host, const char *domain,
                           const struct strlist *names, int64_t now, struct err *err)
{
    struct seen_disks s = {host, domain, names, now};
    struct seen_disk_list known = {0};
    bool same;

    /* Looks are many, and changes few: no write without one. */
    if (list(&c->db, host, domain, &known, err) < 0)
        return -1;
    same = is_same(&known, names);
    seen_disk_list_done(&known);
    return same ? 0 : db_tx(&c->db, put_body, &s, err);
}

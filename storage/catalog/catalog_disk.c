/* SPDX-License-Identifier: MIT
 *
 * Disks: what they were when a point or a checkpoint was made of them, those that a point lacks,
 * and what was attached to a domain when it was last seen. */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

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
    for (size_t i = 0; i < p->left_out.n; i++) {
        const char *const args[] = {p->id, p->left_out.items[i].name, p->left_out.items[i].why};

        if (catalog_exec(db, ST_LEFT_OUT_ADD, args, 3, err) < 0)
            return -1;
    }
    return 0;
}

static int read_left_out(struct db *db, struct point *p, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_LEFT_OUT_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, p->id);
    while ((rc = db_row(db, st, 2, err)) > 0)
        left_out_add(&p->left_out, (const char *)sqlite3_column_text(st, 0),
                     (const char *)sqlite3_column_text(st, 1));
    return rc;
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
    return rc < 0 ? -1 : read_left_out(db, p, err);
}

struct seen_disk *seen_disk_add(struct seen_disk_list *l, const char *name, const char *identity,
                                const char *aside)
{
    struct seen_disk *d = VEC_ADD(l);

    d->name = xstrdup(name);
    d->identity = xstrdup(identity);
    d->aside = xstrdup(aside);
    return d;
}

void seen_disk_list_done(struct seen_disk_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].identity);
        free(l->items[i].aside);
    }
    free(l->items);
    *l = (struct seen_disk_list){0};
}

const struct seen_disk *seen_disk_find(const struct seen_disk_list *l, const char *name,
                                       const char *identity)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0 ||
            (identity && str_eq(l->items[i].identity, identity)))
            return &l->items[i];
    return NULL;
}

int catalog_seen_disks(struct catalog *c, const char *host, const char *domain,
                       struct seen_disk_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_SEEN_DISK_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    while ((rc = db_row(&c->db, st, 2, err)) > 0) {
        struct seen_disk *d = VEC_ADD(ret);

        d->name = db_text(st, 0);
        d->since = sqlite3_column_int64(st, 1);
        d->identity = db_text(st, 2);
        d->aside = db_text(st, 3);
    }
    if (rc < 0)
        seen_disk_list_done(ret);
    return rc;
}

struct seen_disks {
    const char *host, *domain;
    const struct seen_disk_list *disks;
};

static int add(struct db *db, const struct seen_disks *s, const struct seen_disk *d,
               struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_SEEN_DISK_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, s->host);
    db_bind_text(st, 2, s->domain);
    db_bind_text(st, 3, d->name);
    sqlite3_bind_int64(st, 4, d->since);
    db_bind_text(st, 5, d->identity);
    db_bind_text(st, 6, d->aside);
    return db_run(db, st, err);
}

static int put_body(struct db *db, void *arg, struct err *err)
{
    const struct seen_disks *s = arg;
    const char *const of[] = {s->host, s->domain};

    if (catalog_exec(db, ST_SEEN_DISK_CLEAR, of, 2, err) < 0)
        return -1;
    for (size_t i = 0; i < s->disks->n; i++)
        if (add(db, s, &s->disks->items[i], err) < 0)
            return -1;
    return 0;
}

static bool is_text(const char *a, const char *b)
{
    return (!a && !b) || str_eq(a, b);
}

static bool is_same(const struct seen_disk *a, const struct seen_disk *b)
{
    return strcmp(a->name, b->name) == 0 && is_text(a->aside, b->aside) &&
           is_text(a->identity, b->identity);
}

/* Each keeps the time since when it is known; of those that are known and not among the disks,
 * the ones of before stay, if others may still be there. True: it is what is known. */
static bool merge(struct seen_disk_list *disks, const struct seen_disk_list *known, bool whole,
                  int64_t now)
{
    bool same = true;
    size_t n = disks->n;

    for (size_t i = 0; i < n; i++) {
        struct seen_disk *d = &disks->items[i];
        const struct seen_disk *k = seen_disk_find(known, d->name, d->identity);

        d->since = k ? k->since : now;
        same = same && k && is_same(d, k);
    }
    for (size_t i = 0; i < known->n; i++) {
        const struct seen_disk *k = &known->items[i];

        if (!whole && !seen_disk_find(disks, k->name, k->identity))
            seen_disk_add(disks, k->name, k->identity, k->aside)->since = k->since;
    }
    return same && disks->n == known->n;
}

int catalog_seen_disks_put(struct catalog *c, const char *host, const char *domain,
                           struct seen_disk_list *disks, bool whole, int64_t now, struct err *err)
{
    struct seen_disks s = {host, domain, disks};
    struct seen_disk_list known = {0};
    bool same;

    /* Looks are many, and changes few: no write without one. */
    if (catalog_seen_disks(c, host, domain, &known, err) < 0)
        return -1;
    same = merge(disks, &known, whole, now);
    seen_disk_list_done(&known);
    return same ? 0 : db_tx(&c->db, put_body, &s, err);
}

/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>

#include "base/alloc.h"

/* The columns of a point and of a disk that are never NULL come first; see db_sql.c. */
#define POINT_WHOLE 18
#define DISK_WHOLE 6

int catalog_read_disks(struct db *db, sqlite3_stmt *st, struct point *p, struct err *err)
{
    int rc;

    while ((rc = db_row(db, st, DISK_WHOLE, err)) > 0) {
        struct point_disk *d = VEC_ADD(&p->disks);

        d->name = db_text(st, 0);
        d->path = db_text(st, 1);
        d->format = db_text(st, 2);
        d->capacity = (uint64_t)sqlite3_column_int64(st, 3);
        d->bytes = (uint64_t)sqlite3_column_int64(st, 4);
        d->length = (uint64_t)sqlite3_column_int64(st, 5);
        d->backing = db_text(st, 6);
        d->digest = db_text(st, 7);
        d->origin = catalog_read_origin(st, 8);
        d->content = db_text(st, 12);
    }
    return rc < 0 ? -1 : catalog_read_missing(db, p, err);
}

/* What stands on a point that is not there cannot be recorded. */
static int constraint(struct db *db, const char *below, struct err *err)
{
    if (sqlite3_extended_errcode(db->h) == SQLITE_CONSTRAINT_FOREIGNKEY)
        return err_set(err, ERR_NOTFOUND, "it stands on %s, which is not in the catalog", below);
    return -1;
}

static int insert_disk(struct db *db, const char *point, size_t i, const struct point_disk *d,
                       struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_POINT_DISK_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, point);
    sqlite3_bind_int64(st, 2, (int64_t)i);
    db_bind_text(st, 3, d->name);
    db_bind_text(st, 4, d->path);
    db_bind_text(st, 5, d->format);
    db_bind_text(st, 6, d->backing);
    sqlite3_bind_int64(st, 7, (int64_t)d->capacity);
    sqlite3_bind_int64(st, 8, (int64_t)d->bytes);
    sqlite3_bind_int64(st, 9, (int64_t)d->length);
    db_bind_text(st, 10, d->digest);
    catalog_bind_origin(st, 11, &d->origin);
    db_bind_text(st, 15, d->content);
    if (db_run(db, st, err) == 0)
        return 0;
    return constraint(db, d->backing, err);
}

int catalog_insert_point(struct db *db, const struct point *p, struct err *err)
{
    STMT st = NULL;
    bool is_new;

    if (db_stmt(db, ST_POINT_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, p->id);
    db_bind_text(st, 2, p->host);
    db_bind_text(st, 3, p->domain);
    db_bind_text(st, 4, p->policy);
    db_bind_text(st, 5, p->repository);
    db_bind_text(st, 6, level_name(p->level));
    db_bind_text(st, 7, p->parent);
    sqlite3_bind_int64(st, 8, p->created);
    db_bind_text(st, 9, p->checkpoint);
    db_bind_text(st, 10, mode_name(p->mode));
    db_bind_text(st, 11, point_state_name(p->state));
    sqlite3_bind_int(st, 12, p->quiesced);
    db_bind_text(st, 13, p->why);
    db_bind_text(st, 14, p->keep);
    sqlite3_bind_int64(st, 15, p->job);
    db_bind_text(st, 16, p->catalog);
    db_bind_text(st, 17, p->problem);
    db_bind_text(st, 18, p->damage);
    sqlite3_bind_int64(st, 19, p->pin.since);
    sqlite3_bind_int64(st, 20, p->pin.until);
    db_bind_text(st, 21, p->pin.note);
    db_bind_text(st, 22, p->copy_of);
    if (db_run(db, st, err) < 0) {
        constraint(db, p->parent, err);
        return err_wrap(err, "point %s", p->id);
    }
    is_new = sqlite3_changes(db->h) > 0;
    for (size_t i = 0; is_new && i < p->disks.n; i++)
        if (insert_disk(db, p->id, i, &p->disks.items[i], err) < 0)
            return err_wrap(err, "point %s", p->id);
    return is_new ? catalog_put_missing(db, p, err) : 0;
}

/* What was read of it, and whether it is pinned. */
static void read_read(sqlite3_stmt *st, struct point *p)
{
    p->read = (struct point_read){
        .proven = sqlite3_column_int64(st, 11),
        .at = sqlite3_column_int64(st, 12),
        .slice = (uint32_t)sqlite3_column_int64(st, 13),
        .slices = (uint32_t)sqlite3_column_int64(st, 14),
        .job = sqlite3_column_int64(st, 15),
        .result = db_text(st, 26),
    };
    p->pin = (struct point_pin){.since = sqlite3_column_int64(st, 16),
                                .until = sqlite3_column_int64(st, 17),
                                .note = db_text(st, 27)};
}

static int read_point(struct db *db, sqlite3_stmt *st, struct point *p, struct err *err)
{
    STMT disks = NULL;

    if (CATALOG_WORD(db, st, 5, level_from_name, &p->level, err) < 0 ||
        CATALOG_WORD(db, st, 6, mode_from_name, &p->mode, err) < 0 ||
        CATALOG_WORD(db, st, 7, point_state_from_name, &p->state, err) < 0 ||
        db_stmt(db, ST_POINT_DISK_LIST, &disks, err) < 0)
        return -1;
    p->id = db_text(st, 0);
    p->host = db_text(st, 1);
    p->domain = db_text(st, 2);
    p->policy = db_text(st, 3);
    p->repository = db_text(st, 4);
    p->created = sqlite3_column_int64(st, 8);
    p->quiesced = sqlite3_column_int(st, 9);
    p->job = sqlite3_column_int64(st, 10);
    read_read(st, p);
    p->parent = db_text(st, 18);
    p->checkpoint = db_text(st, 19);
    p->why = db_text(st, 20);
    p->keep = db_text(st, 21);
    p->catalog = db_text(st, 22);
    p->problem = db_text(st, 23);
    p->damage = db_text(st, 24);
    p->repository_id = db_text(st, 25);
    p->copy_of = db_text(st, 28);
    db_bind_text(disks, 1, p->id);
    return catalog_read_disks(db, disks, p, err);
}

/* The statement whose index serves the filter. */
static enum db_stmt choose(const struct point_filter *f)
{
    if (f->host && f->domain)
        return ST_POINT_LIST_OF;
    return f->repository ? ST_POINT_LIST_IN : ST_POINT_LIST;
}

int catalog_points(struct catalog *c, const struct point_filter *f, struct point_list *ret,
                   struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, choose(f), &st, err) < 0)
        return -1;
    db_bind_text(st, 1, f->host);
    db_bind_text(st, 2, f->domain);
    db_bind_text(st, 3, f->policy);
    db_bind_text(st, 4, f->repository);
    sqlite3_bind_int(st, 5, f->copies || f->repository);
    while ((rc = db_row(&c->db, st, POINT_WHOLE, err)) > 0) {
        if (read_point(&c->db, st, VEC_ADD(ret), err) < 0) {
            rc = -1;
            break;
        }
    }
    if (rc < 0)
        point_list_done(ret);
    return rc;
}

int catalog_last_good(struct catalog *c, const char *host, const char *domain, const char *policy,
                      struct point *ret, bool *ret_found, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_POINT_LAST_GOOD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    db_bind_text(st, 3, policy);
    rc = db_row(&c->db, st, POINT_WHOLE, err);
    if (rc > 0 && read_point(&c->db, st, ret, err) < 0) {
        point_done(ret);
        return -1;
    }
    *ret_found = rc > 0;
    return rc < 0 ? -1 : 0;
}

/* A statement on one point that must be there. */
static int change_point(struct catalog *c, enum db_stmt stmt, const char *const *values, int n,
                        struct err *err)
{
    if (catalog_exec(&c->db, stmt, values, n, err) < 0)
        return -1;
    if (sqlite3_changes(c->db.h) == 0)
        return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", values[0]);
    return 0;
}

int catalog_point_set_state(struct catalog *c, const char *id, enum point_state state,
                            const char *problem, struct err *err)
{
    c->changes++;
    return change_point(c, ST_POINT_STATE,
                        (const char *const[]){id, point_state_name(state), problem}, 3, err);
}

int catalog_point_set_damage(struct catalog *c, const char *id, const char *damage, struct err *err)
{
    return change_point(c, ST_POINT_DAMAGE, (const char *const[]){id, damage}, 2, err);
}

int catalog_point_set_keep(struct catalog *c, const char *id, const char *reason, struct err *err)
{
    return change_point(c, ST_POINT_KEEP, (const char *const[]){id, reason}, 2, err);
}

int catalog_point_set_pin(struct catalog *c, const char *id, const struct point_pin *pin,
                          struct err *err)
{
    STMT st = NULL;

    c->changes++;
    if (db_stmt(&c->db, ST_POINT_PIN, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, id);
    sqlite3_bind_int64(st, 2, pin->since);
    sqlite3_bind_int64(st, 3, pin->until);
    db_bind_text(st, 4, pin->note);
    if (db_run(&c->db, st, err) < 0)
        return -1;
    if (sqlite3_changes(c->db.h) == 0)
        return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", id);
    return 0;
}

static int add_body(struct db *db, void *arg, struct err *err)
{
    return catalog_insert_point(db, arg, err);
}

int catalog_point_add(struct catalog *c, const struct point *p, struct err *err)
{
    c->changes++;
    return db_tx(&c->db, add_body, (void *)p, err);
}

static int delete_body(struct db *db, void *arg, struct err *err)
{
    const char *id = arg;
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_POINT_NEEDED, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, id);
    rc = db_row(db, st, 1, err);
    if (rc > 0)
        return err_set(err, ERR_BUSY, "point %s: %s stands on it", id,
                       (const char *)sqlite3_column_text(st, 0));
    return rc < 0 || catalog_exec(db, ST_CHECKPOINT_DROP_OF_POINT, &id, 1, err) < 0
               ? -1
               : catalog_exec(db, ST_POINT_DELETE, &id, 1, err);
}

int catalog_point_delete(struct catalog *c, const char *id, struct err *err)
{
    c->changes++;
    return db_tx(&c->db, delete_body, (void *)id, err);
}

/* ---- merges ---- */

struct merging {
    const char *id, *into;
    const struct point *now;
};

static int merging_body(struct db *db, void *arg, struct err *err)
{
    const struct merging *m = arg;

    if (catalog_exec(db, ST_POINT_STATE,
                     (const char *const[]){m->id, point_state_name(POINT_DELETING), NULL}, 3,
                     err) < 0)
        return -1;
    return catalog_exec(db, ST_POINT_MERGING, (const char *const[]){m->into, m->id}, 2, err);
}

int catalog_point_merging(struct catalog *c, const char *id, const char *into, struct err *err)
{
    struct merging m = {.id = id, .into = into};

    c->changes++;
    return db_tx(&c->db, merging_body, &m, err);
}

/* What stands in a manifest that a merge may have changed. */
static int put_images(struct db *db, const struct point *p, struct err *err)
{
    if (catalog_exec(db, ST_POINT_MERGED,
                     (const char *const[]){p->id, level_name(p->level), p->parent}, 3, err) < 0)
        return -1;
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];
        STMT st = NULL;

        if (db_stmt(db, ST_POINT_DISK_MERGED, &st, err) < 0)
            return -1;
        db_bind_text(st, 1, p->id);
        db_bind_text(st, 2, d->name);
        db_bind_text(st, 3, d->backing);
        sqlite3_bind_int64(st, 4, (int64_t)d->bytes);
        sqlite3_bind_int64(st, 5, (int64_t)d->length);
        db_bind_text(st, 6, d->digest);
        if (db_run(db, st, err) < 0)
            return -1;
    }
    return 0;
}

static int images_body(struct db *db, void *arg, struct err *err)
{
    return put_images(db, arg, err);
}

int catalog_point_put_images(struct catalog *c, const struct point *p, struct err *err)
{
    c->changes++;
    return db_tx(&c->db, images_body, (void *)p, err);
}

static int merged_body(struct db *db, void *arg, struct err *err)
{
    const struct merging *m = arg;

    if (put_images(db, m->now, err) < 0)
        return -1;
    return delete_body(db, (void *)m->id, err);
}

int catalog_point_merged(struct catalog *c, const char *id, const struct point *into,
                         struct err *err)
{
    struct merging m = {.id = id, .now = into};

    c->changes++;
    return db_tx(&c->db, merged_body, &m, err);
}

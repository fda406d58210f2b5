/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

static const char *const state_words[] = {"provisional", "current", "dropping", "kept"};

const char *checkpoint_state_name(enum checkpoint_state v)
{
    return state_words[v];
}

static int state_from_name(const char *s, enum checkpoint_state *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(state_words); i++) {
        if (strcmp(s, state_words[i]) == 0) {
            *ret = (enum checkpoint_state)i;
            return 0;
        }
    }
    return -1;
}

void checkpoint_done(struct checkpoint *k)
{
    for (size_t i = 0; i < k->disks.n; i++) {
        free(k->disks.items[i].name);
        disk_origin_done(&k->disks.items[i].origin);
    }
    free(k->disks.items);
    strlist_done(&k->left_out);
    free(k->name);
    free(k->host);
    free(k->domain);
    free(k->policy);
    free(k->parent);
    free(k->description);
    *k = (struct checkpoint){0};
}

void checkpoint_list_done(struct checkpoint_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        checkpoint_done(&l->items[i]);
    free(l->items);
    *l = (struct checkpoint_list){0};
}

const struct checkpoint *checkpoint_list_find(const struct checkpoint_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return &l->items[i];
    return NULL;
}

static int read_disks(struct db *db, struct checkpoint *k, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_CHECKPOINT_DISK_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->host);
    db_bind_text(st, 2, k->domain);
    db_bind_text(st, 3, k->name);
    while ((rc = db_row(db, st, 2, err)) > 0) {
        struct checkpoint_disk *d = VEC_ADD(&k->disks);

        d->name = db_text(st, 0);
        d->capacity = (uint64_t)sqlite3_column_int64(st, 1);
        d->origin = catalog_read_origin(st, 2);
    }
    return rc;
}

static int read_left_out(struct db *db, struct checkpoint *k, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_CHECKPOINT_LEFT_OUT_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->host);
    db_bind_text(st, 2, k->domain);
    db_bind_text(st, 3, k->name);
    while ((rc = db_row(db, st, 1, err)) > 0) {
        CLEANUP_FREE char *name = db_text(st, 0);

        strlist_add(&k->left_out, name);
    }
    return rc;
}

int catalog_checkpoints(struct catalog *c, const char *host, const char *domain,
                        struct checkpoint_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, host && domain ? ST_CHECKPOINT_LIST_OF : ST_CHECKPOINT_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    while ((rc = db_row(&c->db, st, 6, err)) > 0) {
        struct checkpoint *k = VEC_ADD(ret);

        k->name = db_text(st, 0);
        k->host = db_text(st, 1);
        k->domain = db_text(st, 2);
        k->policy = db_text(st, 3);
        k->created = sqlite3_column_int64(st, 5);
        k->parent = db_text(st, 6);
        k->description = db_text(st, 7);
        if (CATALOG_WORD(&c->db, st, 4, state_from_name, &k->state, err) < 0 ||
            read_disks(&c->db, k, err) < 0 || read_left_out(&c->db, k, err) < 0) {
            rc = -1;
            break;
        }
    }
    if (rc < 0)
        checkpoint_list_done(ret);
    return rc;
}

static int insert_disk(struct db *db, const struct checkpoint *k, size_t i, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_CHECKPOINT_DISK_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->host);
    db_bind_text(st, 2, k->domain);
    db_bind_text(st, 3, k->name);
    sqlite3_bind_int64(st, 4, (int64_t)i);
    db_bind_text(st, 5, k->disks.items[i].name);
    sqlite3_bind_int64(st, 6, (int64_t)k->disks.items[i].capacity);
    catalog_bind_origin(st, 7, &k->disks.items[i].origin);
    return db_run(db, st, err);
}

static int insert_left_out(struct db *db, const struct checkpoint *k, size_t i, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_CHECKPOINT_LEFT_OUT_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->host);
    db_bind_text(st, 2, k->domain);
    db_bind_text(st, 3, k->name);
    sqlite3_bind_int64(st, 4, (int64_t)i);
    db_bind_text(st, 5, k->left_out.items[i]);
    return db_run(db, st, err);
}

static int insert_disks(struct db *db, const struct checkpoint *k, struct err *err)
{
    for (size_t i = 0; i < k->disks.n; i++)
        if (insert_disk(db, k, i, err) < 0)
            return -1;
    for (size_t i = 0; i < k->left_out.n; i++)
        if (insert_left_out(db, k, i, err) < 0)
            return -1;
    return 0;
}

static int refuse_known(struct db *db, const struct checkpoint *k, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_CHECKPOINT_NAMED, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->host);
    db_bind_text(st, 2, k->domain);
    db_bind_text(st, 3, k->name);
    rc = db_row(db, st, 1, err);
    return rc <= 0 ? rc
                   : err_set(err, ERR_EXISTS, "the domain has a checkpoint '%s' already", k->name);
}

int catalog_insert_checkpoint(struct db *db, const struct checkpoint *k, struct err *err)
{
    STMT st = NULL;

    if (refuse_known(db, k, err) < 0 || db_stmt(db, ST_CHECKPOINT_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->name);
    db_bind_text(st, 2, k->host);
    db_bind_text(st, 3, k->domain);
    db_bind_text(st, 4, k->policy ? k->policy : "");
    sqlite3_bind_int64(st, 5, k->created);
    db_bind_text(st, 6, k->description);
    return db_run(db, st, err) < 0 ? -1 : insert_disks(db, k, err);
}

static int add_body(struct db *db, void *arg, struct err *err)
{
    return catalog_insert_checkpoint(db, arg, err);
}

int catalog_checkpoint_add(struct catalog *c, const struct checkpoint *k, struct err *err)
{
    return db_tx(&c->db, add_body, (void *)k, err);
}

static int disks_body(struct db *db, void *arg, struct err *err)
{
    return insert_disks(db, arg, err);
}

int catalog_checkpoint_add_disks(struct catalog *c, const struct checkpoint *k, struct err *err)
{
    return db_tx(&c->db, disks_body, (void *)k, err);
}

int catalog_checkpoint_keep(struct catalog *c, const char *host, const char *domain,
                            const char *name, struct err *err)
{
    const char *const args[] = {host, domain, name};

    if (catalog_exec(&c->db, ST_CHECKPOINT_KEEP, args, 3, err) < 0)
        return -1;
    if (sqlite3_changes(c->db.h) == 0)
        return err_set(err, ERR_NOTFOUND, "checkpoint %s is not provisional in the catalog", name);
    return 0;
}

int catalog_checkpoint_drop(struct catalog *c, const char *name, struct err *err)
{
    if (catalog_exec(&c->db, ST_CHECKPOINT_DROP, &name, 1, err) < 0)
        return -1;
    if (sqlite3_changes(c->db.h) == 0)
        return err_set(err, ERR_NOTFOUND, "checkpoint %s is not in the catalog", name);
    return 0;
}

int catalog_checkpoint_give_up(struct catalog *c, const char *host, const char *domain,
                               const char *name, struct err *err)
{
    const char *const args[] = {host, domain, name};

    return catalog_exec(&c->db, ST_CHECKPOINT_GIVE_UP, args, 3, err);
}

int catalog_checkpoint_drop_orphans(struct catalog *c, struct err *err)
{
    return catalog_exec(&c->db, ST_CHECKPOINT_DROP_ORPHANS, NULL, 0, err);
}

static int unmake_body(struct db *db, void *arg, struct err *err)
{
    const char *const *args = arg;

    return catalog_exec(db, ST_CHECKPOINT_REPARENT, args, 3, err) < 0
               ? -1
               : catalog_exec(db, ST_CHECKPOINT_FORGET, args, 3, err);
}

int catalog_checkpoint_unmake(struct catalog *c, const char *host, const char *domain,
                              const char *name, struct err *err)
{
    const char *args[] = {name, host, domain};

    return db_tx(&c->db, unmake_body, args, err);
}

static int forget_body(struct db *db, void *arg, struct err *err)
{
    return catalog_exec(db, ST_CHECKPOINT_REMEMBER, arg, 3, err) < 0 ? -1
                                                                     : unmake_body(db, arg, err);
}

int catalog_checkpoint_delete(struct catalog *c, const char *host, const char *domain,
                              const char *name, struct err *err)
{
    const char *args[] = {name, host, domain};

    return db_tx(&c->db, forget_body, args, err);
}

int catalog_checkpoint_forget(struct catalog *c, const char *name, struct err *err)
{
    return catalog_checkpoint_delete(c, NULL, NULL, name, err);
}

int catalog_checkpoints_gone(struct catalog *c, const char *host, const char *domain,
                             struct strlist *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_CHECKPOINT_GONE, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    while ((rc = db_row(&c->db, st, 1, err)) > 0) {
        CLEANUP_FREE char *name = db_text(st, 0);

        strlist_add(ret, name);
    }
    return rc;
}

bool catalog_checkpoint_is_ours(const struct catalog *c, const char *name)
{
    CLEANUP_FREE char *prefix = xasprintf("vmkeep-%s-", c->id);

    return starts_with(name, prefix);
}

/* ---- redefining ---- */

static int put_redefined(struct db *db, enum db_stmt id, const struct checkpoint *k,
                         struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, id, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, k->host);
    db_bind_text(st, 2, k->domain);
    db_bind_text(st, 3, k->name);
    sqlite3_bind_int64(st, 4, k->created);
    db_bind_text(st, 5, k->description);
    db_bind_text(st, 6, k->parent);
    return db_run(db, st, err);
}

static int redefine_body(struct db *db, void *arg, struct err *err)
{
    const struct checkpoint *k = arg;
    const char *const args[] = {k->host, k->domain, k->name};

    if (put_redefined(db, ST_CHECKPOINT_REDEFINE, k, err) < 0)
        return -1;
    if (sqlite3_changes(db->h) == 0) {
        if (refuse_known(db, k, err) < 0 ||
            put_redefined(db, ST_CHECKPOINT_REDEFINE_NEW, k, err) < 0)
            return -1;
    } else if (catalog_exec(db, ST_CHECKPOINT_DISK_CLEAR, args, 3, err) < 0 ||
               catalog_exec(db, ST_CHECKPOINT_LEFT_OUT_CLEAR, args, 3, err) < 0) {
        return -1;
    }
    return insert_disks(db, k, err);
}

int catalog_checkpoint_redefine(struct catalog *c, const struct checkpoint *k, struct err *err)
{
    return db_tx(&c->db, redefine_body, (void *)k, err);
}

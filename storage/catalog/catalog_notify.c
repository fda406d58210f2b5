/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_notify.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "storage/catalog/catalog_priv.h"

#define UNSURE_MAX 2 /* so often may the daemon die over one message before that waits */

/* ---- told ---- */

void told_done(struct told *t)
{
    free(t->condition);
    free(t->facts);
    *t = (struct told){0};
}

void told_list_done(struct told_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        told_done(&l->items[i]);
    free(l->items);
    *l = (struct told_list){0};
}

int catalog_told(struct catalog *c, const char *target, struct told_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct told_list){0};
    if (db_stmt(&c->db, ST_TOLD_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, target);
    while ((rc = db_row(&c->db, st, 5, err)) > 0)
        *VEC_ADD(ret) = (struct told){.condition = db_text(st, 0),
                                      .facts = db_text(st, 1),
                                      .since = sqlite3_column_int64(st, 2),
                                      .times = sqlite3_column_int64(st, 3),
                                      .again = sqlite3_column_int64(st, 4)};
    if (rc < 0)
        told_list_done(ret);
    return rc;
}

static int put_told(struct db *db, const char *target, const struct told *t, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_TOLD_PUT, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, target);
    db_bind_text(st, 2, t->condition);
    db_bind_text(st, 3, t->facts);
    sqlite3_bind_int64(st, 4, t->since);
    sqlite3_bind_int64(st, 5, t->times);
    sqlite3_bind_int64(st, 6, t->again);
    return db_run(db, st, err);
}

static int add_message(struct db *db, const char *target, const struct message *m, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_MESSAGE_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, target);
    db_bind_text(st, 2, m->kind);
    db_bind_text(st, 3, m->subject);
    db_bind_text(st, 4, m->body);
    sqlite3_bind_int64(st, 5, m->created);
    sqlite3_bind_int64(st, 6, m->expires);
    sqlite3_bind_int64(st, 7, m->next);
    if (db_run(db, st, err) < 0 || catalog_exec(db, ST_MESSAGE_LOSE, &target, 1, err) < 0)
        return -1;
    return catalog_exec(db, ST_MESSAGE_DROP, &target, 1, err);
}

static int tell_body(struct db *db, void *arg, struct err *err)
{
    const struct target_news *n = arg;

    if (catalog_exec(db, ST_TARGET_ADD, &n->target, 1, err) < 0)
        return -1;
    for (size_t i = 0; i < n->n_put; i++)
        if (put_told(db, n->target, &n->put[i], err) < 0)
            return -1;
    for (size_t i = 0; n->gone && i < n->gone->n; i++)
        if (catalog_exec(db, ST_TOLD_DELETE, (const char *const[]){n->target, n->gone->items[i]}, 2,
                         err) < 0)
            return -1;
    return n->message ? add_message(db, n->target, n->message, err) : 0;
}

int catalog_tell(struct catalog *c, const struct target_news *news, struct err *err)
{
    return db_tx(&c->db, tell_body, (void *)news, err);
}

/* ---- messages ---- */

void message_done(struct message *m)
{
    free(m->target);
    free(m->kind);
    free(m->subject);
    free(m->body);
    free(m->problem);
    *m = (struct message){0};
}

void message_list_done(struct message_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        message_done(&l->items[i]);
    free(l->items);
    *l = (struct message_list){0};
}

static struct message read_message(sqlite3_stmt *st)
{
    return (struct message){.id = sqlite3_column_int64(st, 0),
                            .target = db_text(st, 1),
                            .kind = db_text(st, 2),
                            .subject = db_text(st, 3),
                            .body = db_text(st, 4),
                            .created = sqlite3_column_int64(st, 5),
                            .expires = sqlite3_column_int64(st, 6),
                            .next = sqlite3_column_int64(st, 7),
                            .tries = sqlite3_column_int64(st, 8),
                            .problem = db_text(st, 9)};
}

int catalog_message_first(struct catalog *c, const char *target, struct message *ret,
                          bool *ret_found, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_MESSAGE_FIRST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, target);
    rc = db_row(&c->db, st, 9, err);
    if (rc < 0)
        return -1;
    *ret_found = rc > 0;
    if (rc > 0)
        *ret = read_message(st);
    return 0;
}

int catalog_messages(struct catalog *c, struct message_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct message_list){0};
    if (db_stmt(&c->db, ST_MESSAGE_LIST, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 9, err)) > 0)
        *VEC_ADD(ret) = read_message(st);
    if (rc < 0)
        message_list_done(ret);
    return rc;
}

/* A change of one message, and what that means for its target. */
struct change {
    int64_t id, now, next;
    const char *problem;
    bool go;
};

static int run_with(struct db *db, enum db_stmt id, const struct change *c, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, id, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, c->id);
    if (sqlite3_bind_parameter_count(st) >= 2)
        sqlite3_bind_int64(st, 2, c->now);
    if (sqlite3_bind_parameter_count(st) >= 3)
        db_bind_text(st, 3, c->problem);
    if (sqlite3_bind_parameter_count(st) >= 4)
        sqlite3_bind_int64(st, 4, c->next);
    return db_run(db, st, err);
}

static int begin_body(struct db *db, void *arg, struct err *err)
{
    struct change *c = arg;
    STMT st = NULL;
    int rc;

    if (db_stmt(db, ST_MESSAGE_UNSURE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, c->id);
    rc = db_row(db, st, 1, err);
    if (rc < 0)
        return -1;
    c->go = rc > 0 && sqlite3_column_int64(st, 0) < UNSURE_MAX;
    db_stmt_release(&st);
    return c->go ? run_with(db, ST_MESSAGE_BEGIN, c, err) : 0;
}

int catalog_message_begin(struct catalog *c, int64_t id, int64_t now, bool *ret_go, struct err *err)
{
    struct change change = {.id = id, .now = now};
    int rc = db_tx(&c->db, begin_body, &change, err);

    *ret_go = rc == 0 && change.go;
    return rc;
}

static int sent_body(struct db *db, void *arg, struct err *err)
{
    const struct change *c = arg;

    return run_with(db, ST_TARGET_SENT, c, err) < 0 ? -1 : run_with(db, ST_MESSAGE_DELETE, c, err);
}

int catalog_message_sent(struct catalog *c, int64_t id, int64_t now, struct err *err)
{
    return db_tx(&c->db, sent_body, &(struct change){.id = id, .now = now}, err);
}

static int failed_body(struct db *db, void *arg, struct err *err)
{
    const struct change *c = arg;

    if (run_with(db, ST_TARGET_FAILED, c, err) < 0)
        return -1;
    return run_with(db, c->next ? ST_MESSAGE_FAILED : ST_MESSAGE_DELETE, c, err);
}

int catalog_message_failed(struct catalog *c, int64_t id, int64_t now, int64_t next,
                           const char *problem, struct err *err)
{
    return db_tx(&c->db, failed_body,
                 &(struct change){.id = id, .now = now, .next = next, .problem = problem}, err);
}

/* ---- targets ---- */

void target_state_list_done(struct target_state_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].problem);
    }
    free(l->items);
    *l = (struct target_state_list){0};
}

int catalog_targets(struct catalog *c, struct target_state_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct target_state_list){0};
    if (db_stmt(&c->db, ST_TARGET_LIST, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 1, err)) > 0)
        *VEC_ADD(ret) = (struct target_state){.name = db_text(st, 0),
                                              .sent = sqlite3_column_int64(st, 1),
                                              .tested = sqlite3_column_int64(st, 2),
                                              .failed = sqlite3_column_int64(st, 3),
                                              .problem = db_text(st, 4),
                                              .n_sent = sqlite3_column_int64(st, 5),
                                              .n_failed = sqlite3_column_int64(st, 6),
                                              .n_lost = sqlite3_column_int64(st, 7),
                                              .waiting = sqlite3_column_int64(st, 8)};
    if (rc < 0)
        target_state_list_done(ret);
    return rc;
}

const struct target_state *target_state_find(const struct target_state_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->items[i].name, name))
            return &l->items[i];
    return NULL;
}

struct
try {
    const char *target, *problem;
    bool test;
    int64_t now;
};

/* What it did not take until now it may take as well. */
static int tried_body(struct db *db, void *arg, struct err *err)
{
    const struct try *t = arg;
    STMT st = NULL;

    if (!t->problem &&
        catalog_exec(db, ST_MESSAGE_HURRY, (const char *const[]){t->target}, 1, err) < 0)
        return -1;
    if (db_stmt(db, ST_TARGET_TRIED, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, t->target);
    sqlite3_bind_int64(st, 2, t->now);
    db_bind_text(st, 3, t->problem);
    sqlite3_bind_int(st, 4, t->test && !t->problem);
    return db_run(db, st, err);
}

int catalog_target_tried(struct catalog *c, const char *target, bool test, const char *problem,
                         int64_t now, struct err *err)
{
    struct try t = {target, problem, test, now};

    return db_tx(&c->db, tried_body, &t, err);
}

static int keep_body(struct db *db, void *arg, struct err *err)
{
    const char *const names[] = {arg};

    if (catalog_exec(db, ST_TOLD_FORGET, names, 1, err) < 0 ||
        catalog_exec(db, ST_MESSAGE_FORGET, names, 1, err) < 0)
        return -1;
    return catalog_exec(db, ST_TARGET_FORGET, names, 1, err);
}

int catalog_targets_keep(struct catalog *c, const struct strlist *names, struct err *err)
{
    struct target_state_list all;
    int rc = catalog_targets(c, &all, err);

    for (size_t i = 0; rc == 0 && i < all.n; i++)
        if (!strlist_has(names, all.items[i].name))
            rc = db_tx(&c->db, keep_body, all.items[i].name, err);
    if (rc == 0)
        target_state_list_done(&all);
    return rc;
}

/* ---- runs of policies ---- */

int catalog_policy_run(struct catalog *c, const char *policy, struct policy_run *ret,
                       struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct policy_run){-1, -1};
    if (db_stmt(&c->db, ST_RUN_GET, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, policy);
    rc = db_row(&c->db, st, 2, err);
    if (rc > 0)
        *ret = (struct policy_run){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)};
    return rc < 0 ? -1 : 0;
}

struct run_news {
    const char *policy;
    const struct policy_run *run;
    const struct target_news *news;
    size_t n;
};

static int run_body(struct db *db, void *arg, struct err *err)
{
    const struct run_news *r = arg;
    STMT st = NULL;

    for (size_t i = 0; i < r->n; i++)
        if (tell_body(db, (void *)&r->news[i], err) < 0)
            return -1;
    if (db_stmt(db, ST_RUN_PUT, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, r->policy);
    sqlite3_bind_int64(st, 2, r->run->began);
    sqlite3_bind_int64(st, 3, r->run->ended);
    return db_run(db, st, err);
}

int catalog_policy_run_put(struct catalog *c, const char *policy, const struct policy_run *run,
                           const struct target_news *news, size_t n_news, struct err *err)
{
    struct run_news r = {policy, run, news, n_news};

    return db_tx(&c->db, run_body, &r, err);
}

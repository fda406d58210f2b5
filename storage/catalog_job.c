/* SPDX-License-Identifier: MIT */
#include "storage/catalog_priv.h"

#include <stdlib.h>

#include "base/alloc.h"

void job_done(struct job *j)
{
    free(j->host);
    free(j->domain);
    free(j->policy);
    free(j->repository);
    free(j->step);
    free(j->reason);
    free(j->why);
    point_done(&j->plan);
    *j = (struct job){0};
}

void job_list_done(struct job_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        job_done(&l->items[i]);
    free(l->items);
    *l = (struct job_list){0};
}

int catalog_job_add(struct catalog *c, struct job *j, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, job_kind_name(j->kind));
    db_bind_text(st, 2, j->host);
    db_bind_text(st, 3, j->domain);
    db_bind_text(st, 4, j->policy);
    db_bind_text(st, 5, j->repository);
    db_bind_text(st, 6, level_name(j->level));
    db_bind_text(st, 7, job_state_name(j->state));
    db_bind_text(st, 8, job_outcome_name(j->outcome));
    db_bind_text(st, 9, j->reason);
    db_bind_text(st, 10, j->why);
    sqlite3_bind_int64(st, 11, j->due);
    sqlite3_bind_int64(st, 12, j->created);
    sqlite3_bind_int64(st, 13, j->ended);
    if (db_run(&c->db, st, err) < 0)
        return err_wrap(err, "new job for %s", j->domain);
    j->id = sqlite3_last_insert_rowid(c->db.h);
    return 0;
}

struct start {
    int64_t id, now;
    enum backup_level level;
    const char *why;
    const struct point *plan;
};

static int start_row(struct db *db, const struct start *s, struct err *err)
{
    const struct point *p = s->plan;
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_START, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, s->id);
    sqlite3_bind_int64(st, 2, s->now);
    db_bind_text(st, 3, level_name(s->level));
    db_bind_text(st, 4, s->why);
    db_bind_text(st, 5, p ? p->id : NULL);
    db_bind_text(st, 6, p ? p->parent : NULL);
    sqlite3_bind_int64(st, 7, p ? p->created : 0);
    db_bind_text(st, 8, p ? p->checkpoint : NULL);
    db_bind_text(st, 9, mode_name(p ? p->mode : MODE_PUSH));
    if (db_run(db, st, err) < 0) {
        if (sqlite3_extended_errcode(db->h) == SQLITE_CONSTRAINT_UNIQUE)
            return err_set(err, ERR_BUSY, "another backup of the domain is running");
        return -1;
    }
    if (sqlite3_changes(db->h) != 1)
        return err_set(err, ERR_INTERNAL, "job %lld is not queued", (long long)s->id);
    return 0;
}

static int start_disk(struct db *db, int64_t job, size_t i, const struct point_disk *d,
                      struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_DISK_ADD, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    sqlite3_bind_int64(st, 2, (int64_t)i);
    db_bind_text(st, 3, d->name);
    db_bind_text(st, 4, d->path);
    db_bind_text(st, 5, d->format);
    db_bind_text(st, 6, d->backing);
    sqlite3_bind_int64(st, 7, (int64_t)d->capacity);
    return db_run(db, st, err);
}

static int start_checkpoint(struct db *db, const struct start *s, struct err *err)
{
    const struct point *p = s->plan;
    STMT st = NULL;

    if (db_stmt(db, ST_CHECKPOINT_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, p->checkpoint);
    db_bind_text(st, 2, p->host);
    db_bind_text(st, 3, p->domain);
    db_bind_text(st, 4, p->policy);
    sqlite3_bind_int64(st, 5, s->now);
    return db_run(db, st, err);
}

static int start_body(struct db *db, void *arg, struct err *err)
{
    const struct start *s = arg;

    if (start_row(db, s, err) < 0)
        return -1;
    for (size_t i = 0; s->plan && i < s->plan->disks.n; i++)
        if (start_disk(db, s->id, i, &s->plan->disks.items[i], err) < 0)
            return -1;
    return s->plan && s->plan->checkpoint ? start_checkpoint(db, s, err) : 0;
}

int catalog_job_start(struct catalog *c, int64_t id, int64_t now, enum backup_level level,
                      const char *why, const struct point *plan, struct err *err)
{
    struct start s = {id, now, level, why, plan};

    return db_tx(&c->db, start_body, &s, err);
}

int catalog_job_step(struct catalog *c, int64_t id, const char *step, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_STEP, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, id);
    db_bind_text(st, 2, step);
    return db_run(&c->db, st, err);
}

int catalog_job_progress(struct catalog *c, int64_t id, uint64_t done, uint64_t total,
                         struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_PROGRESS, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, (int64_t)done);
    sqlite3_bind_int64(st, 3, (int64_t)total);
    return db_run(&c->db, st, err);
}

struct end {
    int64_t id, now;
    enum job_outcome outcome;
    enum err_code code;
    const char *reason;
    const struct point *point; /* published; NULL for none */
};

static int end_row(struct db *db, const struct end *e, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_END, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, e->id);
    sqlite3_bind_int64(st, 2, e->now);
    db_bind_text(st, 3, job_outcome_name(e->outcome));
    sqlite3_bind_int64(st, 4, e->code);
    sqlite3_bind_int64(st, 5, e->outcome == OUTCOME_FAILED && err_is_transient(e->code));
    db_bind_text(st, 6, e->reason);
    return db_run(db, st, err);
}

static int end_body(struct db *db, void *arg, struct err *err)
{
    const struct end *e = arg;
    STMT st = NULL;

    if (end_row(db, e, err) < 0 || db_stmt(db, ST_CHECKPOINT_DROP_OF_JOB, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, e->id);
    return db_run(db, st, err);
}

int catalog_job_end(struct catalog *c, int64_t id, int64_t now, enum job_outcome outcome,
                    enum err_code code, const char *reason, struct err *err)
{
    struct end e = {id, now, outcome, code, reason, NULL};

    return db_tx(&c->db, end_body, &e, err);
}

static int publish_body(struct db *db, void *arg, struct err *err)
{
    const struct end *e = arg;
    const struct point *p = e->point;
    const char *of[] = {p->host, p->domain, p->policy};

    if (catalog_insert_point(db, p, err) < 0 ||
        catalog_exec(db, ST_CHECKPOINT_DROP_CURRENT, of, 3, err) < 0)
        return -1;
    if (p->checkpoint &&
        catalog_exec(db, ST_CHECKPOINT_MAKE_CURRENT, (const char *const *)&p->checkpoint, 1, err) < 0)
        return -1;
    return end_row(db, e, err);
}

int catalog_publish(struct catalog *c, int64_t job, int64_t now, const struct point *p,
                    const char *reason, struct err *err)
{
    struct end e = {job, now, OUTCOME_SUCCESS, ERR_NONE, reason, p};

    return db_tx(&c->db, publish_body, &e, err);
}

static int read_job(struct db *db, sqlite3_stmt *st, struct job *j, struct err *err)
{
    if (CATALOG_WORD(db, st, 1, job_kind_from_name, &j->kind, err) < 0 ||
        CATALOG_WORD(db, st, 6, level_from_name, &j->level, err) < 0 ||
        CATALOG_WORD(db, st, 7, job_state_from_name, &j->state, err) < 0 ||
        CATALOG_WORD(db, st, 9, job_outcome_from_name, &j->outcome, err) < 0 ||
        CATALOG_WORD(db, st, 23, mode_from_name, &j->plan.mode, err) < 0)
        return -1;
    j->id = sqlite3_column_int64(st, 0);
    j->host = db_text(st, 2);
    j->domain = db_text(st, 3);
    j->policy = db_text(st, 4);
    j->repository = db_text(st, 5);
    j->step = db_text(st, 8);
    j->error = (enum err_code)sqlite3_column_int(st, 10);
    j->reason = db_text(st, 11);
    j->why = db_text(st, 12);
    j->due = sqlite3_column_int64(st, 13);
    j->created = sqlite3_column_int64(st, 14);
    j->started = sqlite3_column_int64(st, 15);
    j->ended = sqlite3_column_int64(st, 16);
    j->bytes_done = (uint64_t)sqlite3_column_int64(st, 17);
    j->bytes_total = (uint64_t)sqlite3_column_int64(st, 18);
    if (sqlite3_column_type(st, 19) == SQLITE_NULL)
        return 0;
    j->plan.id = db_text(st, 19);
    j->plan.host = db_text(st, 2);
    j->plan.domain = db_text(st, 3);
    j->plan.policy = db_text(st, 4);
    j->plan.repository = db_text(st, 5);
    j->plan.level = j->level;
    j->plan.parent = db_text(st, 20);
    j->plan.created = sqlite3_column_int64(st, 21);
    j->plan.checkpoint = db_text(st, 22);
    j->plan.why = db_text(st, 12);
    return 0;
}

static int read_plan_disks(struct db *db, struct job *j, struct err *err)
{
    STMT st = NULL;

    if (!j->plan.id)
        return 0;
    if (db_stmt(db, ST_JOB_DISK_LIST, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, j->id);
    return catalog_read_disks(db, st, &j->plan, err);
}

int catalog_jobs(struct catalog *c, const struct job_filter *f, struct job_list *ret,
                 struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, f->host);
    db_bind_text(st, 2, f->domain);
    db_bind_text(st, 3, f->policy);
    sqlite3_bind_int(st, 4, f->active);
    sqlite3_bind_int64(st, 5, f->id);
    sqlite3_bind_int(st, 6, f->limit > 0 ? f->limit : -1);
    while ((rc = db_row(&c->db, st, err)) > 0) {
        struct job *j = VEC_ADD(ret);

        if (read_job(&c->db, st, j, err) < 0 || read_plan_disks(&c->db, j, err) < 0) {
            rc = -1;
            break;
        }
    }
    if (rc < 0)
        job_list_done(ret);
    return rc;
}

int catalog_job_expire(struct catalog *c, int64_t before, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_EXPIRE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, before);
    return db_run(&c->db, st, err);
}

/* SPDX-License-Identifier: MIT
 *
 * What happens to a job, written down. */
#include "storage/catalog/catalog_priv.h"

static int add_point(struct db *db, int64_t job, size_t i, const char *point, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_POINT_ADD, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    sqlite3_bind_int64(st, 2, (int64_t)i);
    db_bind_text(st, 3, point);
    return db_run(db, st, err);
}

static int add_row(struct db *db, struct job *j, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_ADD, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, j->kind);
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
    sqlite3_bind_int64(st, 14, j->uptime);
    db_bind_text(st, 15, j->boot);
    sqlite3_bind_int(st, 16, j->guest);
    sqlite3_bind_int(st, 17, j->force);
    sqlite3_bind_int(st, 18, j->sample);
    if (db_run(db, st, err) < 0)
        return err_wrap(err, "new job for %s", j->domain);
    j->id = sqlite3_last_insert_rowid(db->h);
    return 0;
}

int catalog_insert_job(struct db *db, struct job *j, struct err *err)
{
    if (add_row(db, j, err) < 0)
        return -1;
    for (size_t i = 0; j->points && i < j->points->n; i++)
        if (add_point(db, j->id, i, j->points->items[i], err) < 0)
            return -1;
    return 0;
}

static int add_body(struct db *db, void *arg, struct err *err)
{
    return catalog_insert_job(db, arg, err);
}

int catalog_job_add(struct catalog *c, struct job *j, struct err *err)
{
    return db_tx(&c->db, add_body, j, err);
}

/* The last statement was about one job in a certain state: was it? */
static int must_change(struct db *db, int64_t id, const char *state, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (sqlite3_changes(db->h) > 0)
        return 0;
    if (db_stmt(db, ST_JOB_STATE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, id);
    rc = db_row(db, st, 1, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOTFOUND, "job %lld is not in the catalog", (long long)id);
    return err_set(err, ERR_INVALID, "job %lld is %s, not %s", (long long)id,
                   (const char *)sqlite3_column_text(st, 0), state);
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
    return must_change(db, s->id, "queued", err);
}

int catalog_insert_job_disk(struct db *db, int64_t job, size_t i, const struct point_disk *d,
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
    catalog_bind_origin(st, 8, &d->origin);
    return db_run(db, st, err);
}

static int start_checkpoint(struct db *db, const struct start *s, struct err *err)
{
    const struct point *p = s->plan;
    const struct checkpoint row = {
        .name = p->checkpoint,
        .host = p->host,
        .domain = p->domain,
        .policy = p->policy,
        .created = s->now,
    };

    return catalog_insert_checkpoint(db, &row, err);
}

static int start_body(struct db *db, void *arg, struct err *err)
{
    const struct start *s = arg;

    if (start_row(db, s, err) < 0)
        return -1;
    for (size_t i = 0; s->plan && i < s->plan->disks.n; i++)
        if (catalog_insert_job_disk(db, s->id, i, &s->plan->disks.items[i], err) < 0)
            return -1;
    if (s->plan && catalog_put_missing(db, s->plan, err) < 0)
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
    return db_run(&c->db, st, err) < 0 ? -1 : must_change(&c->db, id, "running", err);
}

int catalog_job_progress(struct catalog *c, const struct job *j, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_PROGRESS, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, j->id);
    sqlite3_bind_int64(st, 2, (int64_t)j->bytes_done);
    sqlite3_bind_int64(st, 3, (int64_t)j->bytes_total);
    sqlite3_bind_int64(st, 4, j->elapsed_ms);
    sqlite3_bind_int64(st, 5, (int64_t)j->temp_used);
    sqlite3_bind_int64(st, 6, (int64_t)j->temp_total);
    return db_run(&c->db, st, err) < 0 ? -1 : must_change(&c->db, j->id, "running", err);
}

int catalog_job_document(struct catalog *c, int64_t id, const char *document, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_DOCUMENT, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, id);
    db_bind_text(st, 2, document);
    return db_run(&c->db, st, err) < 0 ? -1 : must_change(&c->db, id, "running", err);
}

/* ---- a backup begun by hand ---- */

struct begin {
    const struct job *job;
    const struct checkpoint *checkpoint;
};

static int begin_body(struct db *db, void *arg, struct err *err)
{
    const struct begin *b = arg;
    const struct job *j = b->job;
    STMT st = NULL;

    if (db_stmt(db, ST_JOB_BEGIN, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, j->id);
    sqlite3_bind_int64(st, 2, j->started);
    db_bind_text(st, 3, level_name(j->level));
    db_bind_text(st, 4, j->step);
    db_bind_text(st, 5, b->checkpoint ? b->checkpoint->name : NULL);
    db_bind_text(st, 6, mode_name(j->plan.mode));
    db_bind_text(st, 7, j->document);
    sqlite3_bind_int(st, 8, j->reuse_external);
    if (db_run(db, st, err) < 0) {
        if (sqlite3_extended_errcode(db->h) == SQLITE_CONSTRAINT_UNIQUE)
            return err_set(err, ERR_BUSY, "another backup of the domain is running");
        return -1;
    }
    if (must_change(db, j->id, "queued", err) < 0)
        return -1;
    return b->checkpoint ? catalog_insert_checkpoint(db, b->checkpoint, err) : 0;
}

int catalog_job_begin(struct catalog *c, const struct job *j, const struct checkpoint *checkpoint,
                      struct err *err)
{
    struct begin b = {j, checkpoint};

    return db_tx(&c->db, begin_body, &b, err);
}

int catalog_job_remove(struct catalog *c, int64_t id, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_REMOVE, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, id);
    return db_run(&c->db, st, err) < 0 ? -1 : must_change(&c->db, id, "queued", err);
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
    db_bind_text(st, 4, err_code_name(e->code));
    db_bind_text(st, 5, e->reason);
    return db_run(db, st, err) < 0 ? -1 : must_change(db, e->id, "open", err);
}

static int settle_planned(struct db *db, enum db_stmt id, int64_t job, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(db, id, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, job);
    return db_run(db, st, err);
}

/* A checkpoint that the job planned and that no point has made current. */
static int drop_planned(struct db *db, int64_t job, struct err *err)
{
    return settle_planned(db, ST_CHECKPOINT_DROP_OF_JOB, job, err);
}

static int end_body(struct db *db, void *arg, struct err *err)
{
    const struct end *e = arg;

    if (end_row(db, e, err) < 0)
        return -1;
    if (e->outcome == OUTCOME_SUCCESS &&
        settle_planned(db, ST_CHECKPOINT_KEEP_OF_JOB, e->id, err) < 0)
        return -1;
    return drop_planned(db, e->id, err);
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
    const char *const checkpoint[] = {p->checkpoint};

    if (end_row(db, e, err) < 0 || catalog_insert_point(db, p, err) < 0 ||
        catalog_exec(db, ST_CHECKPOINT_DROP_CURRENT, of, 3, err) < 0)
        return -1;
    if (p->checkpoint && catalog_exec(db, ST_CHECKPOINT_MAKE_CURRENT, checkpoint, 1, err) < 0)
        return -1;
    return drop_planned(db, e->id, err);
}

int catalog_publish(struct catalog *c, int64_t job, int64_t now, const struct point *p,
                    enum err_code code, const char *reason, struct err *err)
{
    enum job_outcome outcome = code == ERR_NONE ? OUTCOME_SUCCESS : OUTCOME_FAILED;
    struct end e = {job, now, outcome, code, reason, p};

    c->changes++;
    return db_tx(&c->db, publish_body, &e, err);
}

static int bind_expired(struct catalog *c, enum db_stmt id, int64_t before,
                        const struct job_expiry *from, sqlite3_stmt **ret, struct err *err)
{
    if (db_stmt(&c->db, id, ret, err) < 0)
        return -1;
    sqlite3_bind_int64(*ret, 1, before);
    sqlite3_bind_int64(*ret, 2, from->ended);
    sqlite3_bind_int64(*ret, 3, from->id);
    sqlite3_bind_int64(*ret, 4, JOB_EXPIRY_ROWS);
    return 0;
}

/* The last of the next rows; *ret stays: they are all that there are. */
static int expire_to(struct catalog *c, int64_t before, const struct job_expiry *from,
                     struct job_expiry *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (bind_expired(c, ST_JOB_EXPIRE_TO, before, from, &st, err) < 0)
        return -1;
    rc = db_row(&c->db, st, 2, err);
    if (rc > 0)
        *ret = (struct job_expiry){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)};
    return rc;
}

int catalog_job_expire(struct catalog *c, int64_t before, struct job_expiry *from, struct err *err)
{
    struct job_expiry to = {before - 1, INT64_MAX};
    int more = expire_to(c, before, from, &to, err);
    STMT st = NULL;

    if (more < 0 || bind_expired(c, ST_JOB_EXPIRE, before, from, &st, err) < 0 ||
        db_run(&c->db, st, err) < 0)
        return -1;
    *from = to;
    return more;
}

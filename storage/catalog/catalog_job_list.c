/* SPDX-License-Identifier: MIT
 *
 * Jobs, read. */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "storage/repository/repository.h"

/* The columns of a job that are never NULL come first; see db_sql.c. */
#define JOB_WHOLE 22

void job_done(struct job *j)
{
    free((char *)j->kind);
    free(j->host);
    free(j->domain);
    free(j->policy);
    free(j->repository);
    free(j->step);
    free(j->reason);
    free(j->why);
    free(j->document);
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

static void read_figures(sqlite3_stmt *st, struct job *j)
{
    j->due = sqlite3_column_int64(st, 10);
    j->created = sqlite3_column_int64(st, 11);
    j->started = sqlite3_column_int64(st, 12);
    j->ended = sqlite3_column_int64(st, 13);
    j->bytes_done = (uint64_t)sqlite3_column_int64(st, 14);
    j->bytes_total = (uint64_t)sqlite3_column_int64(st, 15);
    j->elapsed_ms = sqlite3_column_int64(st, 19);
    j->temp_used = (uint64_t)sqlite3_column_int64(st, 20);
    j->temp_total = (uint64_t)sqlite3_column_int64(st, 21);
}

static int read_plan(struct db *db, sqlite3_stmt *st, const struct job *j, struct point *plan,
                     struct err *err)
{
    STMT disks = NULL;

    plan->id = db_text(st, 25);
    plan->checkpoint = db_text(st, 27);
    if (CATALOG_WORD(db, st, 16, mode_from_name, &plan->mode, err) < 0)
        return -1;
    if (!plan->id)
        return 0;
    plan->host = xstrdup(j->host);
    plan->domain = xstrdup(j->domain);
    plan->policy = xstrdup(j->policy);
    plan->repository = xstrdup(j->repository);
    plan->level = j->level;
    plan->why = xstrdup(j->why);
    plan->created = sqlite3_column_int64(st, 17);
    plan->parent = db_text(st, 26);
    plan->copy_of = db_text(st, 33);
    point_id_maker(plan->id, &plan->catalog, &plan->job);
    if (db_stmt(db, ST_JOB_DISK_LIST, &disks, err) < 0)
        return -1;
    sqlite3_bind_int64(disks, 1, j->id);
    return catalog_read_disks(db, disks, plan, err);
}

/* Whoever runs jobs knows the words; what is no word at all is damage. */
static int read_kind(struct db *db, sqlite3_stmt *st, struct job *j, struct err *err)
{
    const char *word = (const char *)sqlite3_column_text(st, 1);

    if (!*word || word[strspn(word, "abcdefghijklmnopqrstuvwxyz-")] != '\0')
        return err_set(err, ERR_CORRUPT, "catalog %s: it is damaged (unknown kind '%s')", db->path,
                       word);
    j->kind = xstrdup(word);
    j->guest = sqlite3_column_int(st, 30);
    return 0;
}

static int read_job(struct db *db, sqlite3_stmt *st, struct job *j, struct err *err)
{
    if (CATALOG_WORD(db, st, 6, level_from_name, &j->level, err) < 0 ||
        CATALOG_WORD(db, st, 7, job_state_from_name, &j->state, err) < 0 ||
        CATALOG_WORD(db, st, 8, job_outcome_from_name, &j->outcome, err) < 0 ||
        CATALOG_WORD(db, st, 9, catalog_error_from_name, &j->error, err) < 0 ||
        read_kind(db, st, j, err) < 0)
        return -1;
    j->id = sqlite3_column_int64(st, 0);
    j->host = db_text(st, 2);
    j->domain = db_text(st, 3);
    j->policy = db_text(st, 4);
    j->repository = db_text(st, 5);
    read_figures(st, j);
    j->step = db_text(st, 22);
    j->reason = db_text(st, 23);
    j->why = db_text(st, 24);
    j->document = db_text(st, 28);
    j->publishing = sqlite3_column_int(st, 29);
    j->reuse_external = sqlite3_column_int(st, 18);
    j->force = sqlite3_column_int(st, 31);
    j->sample = sqlite3_column_int(st, 32);
    return read_plan(db, st, j, &j->plan, err);
}

/* The statement whose index serves the filter. */
static enum db_stmt choose(const struct job_filter *f)
{
    if (f->active)
        return ST_JOB_LIST_OPEN;
    if (f->id)
        return ST_JOB_GET;
    if (f->host && f->domain)
        return ST_JOB_LIST_OF;
    return f->limit > 0 ? ST_JOB_LIST_NEWEST : ST_JOB_LIST;
}

int catalog_jobs_each(struct catalog *c, const struct job_filter *f, catalog_on_job *each,
                      void *arg, struct err *err)
{
    enum db_stmt which = choose(f);
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, which, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, f->host);
    db_bind_text(st, 2, f->domain);
    db_bind_text(st, 3, f->policy);
    if (which == ST_JOB_GET || which == ST_JOB_LIST_OPEN)
        sqlite3_bind_int64(st, 4, f->id);
    if (which != ST_JOB_GET && which != ST_JOB_LIST)
        sqlite3_bind_int(st, 5, f->limit > 0 ? f->limit : -1);
    while ((rc = db_row(&c->db, st, JOB_WHOLE, err)) > 0) {
        struct job job = {0};

        if (read_job(&c->db, st, &job, err) < 0) {
            job_done(&job);
            return -1;
        }
        each(arg, &job);
        job_done(&job);
    }
    return rc;
}

static void keep_job(void *arg, struct job *j)
{
    struct job_list *l = arg;

    *VEC_ADD(l) = *j;
    *j = (struct job){0};
}

int catalog_jobs(struct catalog *c, const struct job_filter *f, struct job_list *ret,
                 struct err *err)
{
    if (catalog_jobs_each(c, f, keep_job, ret, err) < 0) {
        job_list_done(ret);
        return -1;
    }
    return 0;
}

static int read_end(struct catalog *c, enum db_stmt id, const char *const *args, int n,
                    struct job_end *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    *ret = (struct job_end){0};
    if (db_stmt(&c->db, id, &st, err) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        db_bind_text(st, i + 1, args[i]);
    rc = db_row(&c->db, st, 3, err);
    if (rc <= 0)
        return rc;
    if (CATALOG_WORD(&c->db, st, 1, job_outcome_from_name, &ret->outcome, err) < 0)
        return -1;
    ret->id = sqlite3_column_int64(st, 0);
    ret->ended = sqlite3_column_int64(st, 2);
    ret->reason = db_text(st, 3);
    ret->started = sqlite3_column_int64(st, 4);
    return 0;
}

int catalog_last_backup(struct catalog *c, const char *host, const char *domain, const char *policy,
                        struct job_end *ret, struct err *err)
{
    return read_end(c, ST_JOB_LAST_BACKUP, (const char *const[]){host, domain, policy}, 3, ret,
                    err);
}

int catalog_last_of_kind(struct catalog *c, const char *host, const char *domain,
                         const char *policy, const char *kind, struct job_end *ret, struct err *err)
{
    return read_end(c, ST_JOB_LAST_OF_KIND, (const char *const[]){host, domain, policy, kind}, 4,
                    ret, err);
}

int catalog_job_points(struct catalog *c, int64_t id, struct strlist *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_POINT_LIST, &st, err) < 0)
        return -1;
    sqlite3_bind_int64(st, 1, id);
    while ((rc = db_row(&c->db, st, 1, err)) > 0) {
        CLEANUP_FREE char *point = db_text(st, 0);

        strlist_add(ret, point);
    }
    return rc;
}

int catalog_next_job(struct catalog *c, int64_t *ret, struct err *err)
{
    STMT st = NULL;

    if (db_stmt(&c->db, ST_JOB_NEXT, &st, err) < 0 || db_row(&c->db, st, 1, err) < 0)
        return -1;
    *ret = sqlite3_column_int64(st, 0);
    return 0;
}

int catalog_last_ended(struct catalog *c, const char *host, const char *domain, struct job *ret,
                       bool *ret_found, struct err *err)
{
    struct job_filter f = {0};
    struct job_list jobs = {0};
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_JOB_LAST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    rc = db_row(&c->db, st, 1, err);
    *ret_found = rc > 0;
    if (rc <= 0)
        return rc;
    f.id = sqlite3_column_int64(st, 0);
    if (catalog_jobs(c, &f, &jobs, err) < 0)
        return -1;
    *ret_found = jobs.n == 1;
    if (jobs.n == 1)
        *ret = jobs.items[0];
    free(jobs.items);
    return 0;
}

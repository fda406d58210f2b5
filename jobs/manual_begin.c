/* SPDX-License-Identifier: MIT
 *
 * A backup begun by hand, from its documents to its row in the catalog.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/text.h"
#include "jobs/api.h"
#include "jobs/hv_at_host.h"
#include "jobs/busy.h"
#include "jobs/kept_request.h"
#include "jobs/manual_backup.h"
#include "jobs/manual_run.h"
#include "policies/plan.h"
#include "storage/store/scratch.h"

/* ---- completing ---- */

/* The disks that the document means, before it is complete. */
static void list_disks(const struct backup_document *d, const struct domain_facts *f,
                       struct strlist *ret)
{
    for (size_t i = 0; d->all_disks && i < f->disks.n; i++)
        strlist_add(ret, f->disks.items[i].name);
    for (size_t i = 0; !d->all_disks && i < d->disks.n; i++)
        if (d->marks.items[i].takes_part)
            strlist_add(ret, d->disks.items[i].name);
}

static void list_tracked(const struct checkpoint_document *c, struct strlist *ret)
{
    for (size_t i = 0; i < c->disks.n; i++)
        if (c->disks.items[i].tracked)
            strlist_add(ret, c->disks.items[i].name);
}

/* A base must be a checkpoint that vmkeep keeps: a provisional or given up one would make a gap,
 * and of a foreign bitmap nobody knows what it has missed. */
static int check_base(const struct checkpoint_list *rows, const char *base, struct err *err)
{
    const struct checkpoint *row = checkpoint_list_find(rows, base);

    if (!row)
        return err_set(err, ERR_NOTFOUND, "the domain has no checkpoint '%s'", base);
    if (row->state == CHECKPOINT_PROVISIONAL || row->state == CHECKPOINT_DROPPING)
        return err_set(err, ERR_NOTFOUND,
                       "checkpoint '%s' is of a backup that failed: nothing can be based on it",
                       base);
    return 0;
}

static int check_bases(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct backup_document *d = run->document;
    struct checkpoint_list rows = {0};
    int rc = catalog_checkpoints(r->env->catalog, r->row.host, r->row.domain, &rows, err);

    if (rc == 0 && d->incremental)
        rc = check_base(&rows, d->incremental, err);
    for (size_t i = 0; i < d->disks.n && rc == 0; i++)
        if (d->marks.items[i].takes_part && d->disks.items[i].base)
            rc = check_base(&rows, d->disks.items[i].base, err);
    checkpoint_list_done(&rows);
    return rc;
}

/* Names of vmkeep's own making are cleaned up without asking: nobody else shall bear one. */
int api_check_name(const char *name, struct err *err)
{
    if (!starts_with(name, "vmkeep-"))
        return 0;
    return err_set(err, ERR_INVALID,
                   "checkpoint '%s': names that start with vmkeep- are those of scheduled backups",
                   name);
}

/* Is each disk still the one that its base was made of?  A name is not an identity. */
static int check_same_disks(const struct job_run *r, struct err *err)
{
    const struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;
    struct checkpoint_list rows = {0};
    int rc = catalog_checkpoints(r->env->catalog, r->row.host, r->row.domain, &rows, err);

    for (size_t i = 0; i < q->n_disks && rc == 0; i++) {
        const struct disk_facts *f = domain_facts_disk(run->hv.facts, q->disks[i].name);
        const char *base = q->disks[i].base;
        const struct checkpoint *row = base ? checkpoint_list_find(&rows, base) : NULL;

        for (size_t k = 0; row && f && k < row->disks.n && rc == 0; k++) {
            const struct plan_disk now = {
                .image = f->image, .identity = f->identity, .device = f->device};
            char why[PLAN_WHY_MAX];

            if (strcmp(row->disks.items[k].name, f->name) == 0 &&
                plan_is_another(&row->disks.items[k].origin, &now, why))
                rc = err_set(err, ERR_CORRUPT,
                             "disk '%s': incremental='%s': %s; only a full backup can follow",
                             f->name, base, why);
        }
    }
    checkpoint_list_done(&rows);
    return rc;
}

static const char *secret_file(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->secrets.n; i++)
        if (strcmp(config->secrets.items[i].name, name) == 0)
            return config->secrets.items[i].file;
    return NULL;
}

static int find_secrets(const struct config *config, struct backup_request *q, struct err *err)
{
    for (size_t i = 0; i < q->n_disks; i++) {
        struct backup_encryption *e = (struct backup_encryption *)&q->disks[i].place.encryption;

        if (!e->secret)
            continue;
        e->secret_file = secret_file(config, e->secret);
        if (!e->secret_file)
            return err_set(err, ERR_NOTFOUND, "disk %s: the configuration has no secret '%s'",
                           q->disks[i].name, e->secret);
    }
    return 0;
}

/* The scratch space of a policy that covers the domain; else the place where it is by default. */
static char *scratch_root(const struct job_run *r)
{
    const struct config *c = r->env->config;
    CLEANUP_FREE char *beside = NULL;

    for (size_t i = 0; i < c->policies.n; i++) {
        const struct config_policy *p = &c->policies.items[i];

        if (p->scratch && r->env->ops->covers(r->env, r->row.host, r->row.domain, p->name))
            return xstrdup(p->scratch);
    }
    beside = path_dirname(c->catalog);
    return xasprintf("%s/scratch", beside);
}

int api_documents_complete(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    struct backup_defaults defaults = {.now = env_now(r->env)};
    struct checkpoint_document *c = run->checkpoint_document;
    struct backup_document *d = run->document;
    struct strlist disks = {0}, tracked = {0};
    int rc = check_bases(r, err);

    if (rc == 0)
        rc = backup_document_check_disks(d, run->hv.facts, err);
    list_disks(d, run->hv.facts, &disks);
    if (rc == 0 && c) {
        rc = checkpoint_document_complete(c, run->hv.facts, &disks, defaults.now, err);
        if (rc == 0)
            rc = api_check_name(c->name, err);
        if (rc < 0)
            err_wrap(err, "checkpoint XML");
        list_tracked(c, &tracked);
        free(r->row.plan.checkpoint);
        r->row.plan.checkpoint = xstrdup(c->name);
    }
    if (rc == 0) {
        api_document_adopt(r);
        defaults.scratch_dir = run->own_scratch;
        rc = backup_document_complete(d, run->hv.facts, c ? &tracked : NULL, &defaults, err);
        if (rc == 0)
            rc = check_same_disks(r, err);
        if (rc == 0)
            rc = find_secrets(r->env->config, &d->request, err);
    }
    strlist_done(&disks);
    strlist_done(&tracked);
    return rc;
}

void api_document_adopt(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    struct backup_request *q = &run->document->request;

    if (!run->scratch)
        run->scratch = scratch_root(r);
    free(run->own_scratch);
    run->own_scratch = scratch_path(run->scratch, r->tag);
    q->scratch = q->mode == MODE_PUSH ? run->own_scratch : NULL;
    q->domain = r->row.domain;
    q->tag = r->tag;
    q->checkpoint = r->row.plan.checkpoint;
    q->quiesce = QUIESCE_OFF;
    q->reuse_external = r->row.reuse_external;
}

/* ---- committing ---- */

static void fill_checkpoint(const struct job_run *r, struct checkpoint *k)
{
    const struct manual_backup_run *run = manual_of(r);
    const struct checkpoint_document *c = run->checkpoint_document;

    k->name = xstrdup(c->name);
    k->host = xstrdup(r->row.host);
    k->domain = xstrdup(r->row.domain);
    k->description = xstrdup(c->description);
    k->created = env_now(r->env);
    for (size_t i = 0; i < c->disks.n; i++) {
        const struct disk_facts *f = domain_facts_disk(run->hv.facts, c->disks.items[i].name);
        struct checkpoint_disk *d;

        if (!c->disks.items[i].tracked) {
            strlist_add(&k->left_out, c->disks.items[i].name);
            continue;
        }
        d = VEC_ADD(&k->disks);
        d->name = xstrdup(c->disks.items[i].name);
        d->capacity = f ? f->capacity : 0;
        if (f)
            d->origin = disk_facts_origin(f, c->name);
    }
}

int api_job_commit(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;
    struct checkpoint k = {0};
    int rc;

    r->row.plan.mode = q->mode;
    r->row.level = LEVEL_FULL;
    for (size_t i = 0; i < q->n_disks; i++)
        if (q->disks[i].base)
            r->row.level = LEVEL_INCREMENTAL;
    free(r->row.document);
    r->row.document = kept_request_text(q);
    free(r->row.step);
    r->row.step = xstrdup("placing");
    r->row.started = env_now(r->env);
    if (run->checkpoint_document)
        fill_checkpoint(r, &k);
    rc = catalog_job_begin(r->env->catalog, &r->row, run->checkpoint_document ? &k : NULL, err);
    checkpoint_done(&k);
    if (rc < 0)
        return -1;
    r->row.state = JOB_RUNNING;
    return 0;
}

/* ---- the request ---- */

/* Its row first: all that it makes is named after its number.  Until the row says that it has begun
 * it makes nothing, and is forgotten when it is refused. */
static int add_row(struct job_env *e, const struct api_begin *a, struct job_run **ret,
                   struct err *err)
{
    CLEANUP_FREE char *domain = NULL;
    struct host *host;
    struct job row = {
        .kind = JOB_BACKUP_BEGIN,
        .policy = (char *)"",
        .repository = (char *)"",
        .why = (char *)"begun by hand",
        .reuse_external = a->reuse_external,
    };

    if (env_refuse_draining(e, err) < 0 || env_find_domain(e, a->domain, &host, &domain, err) < 0 ||
        busy_refuse(e, host, domain, err) < 0)
        return -1;
    row.host = host->name;
    row.domain = domain;
    return e->ops->begin(e, &row, host, ret, err);
}

void api_backup_begin(struct job_env *e, const struct api_begin *a, struct api_reply reply)
{
    struct manual_backup_run *run;
    struct err err = ERR_INIT;
    struct job_run *r;

    if (add_row(e, a, &r, &err) < 0) {
        backup_document_free(a->document);
        checkpoint_document_free(a->checkpoint);
        reply.done(reply.ctx, &err, NULL);
        return;
    }
    run = manual_of(r);
    run->document = a->document;
    run->checkpoint_document = a->checkpoint;
    run->reply = reply;
    job_proceed(r);
}

int api_abort(struct job_env *e, const char *text, int64_t *ret_job, struct err *err)
{
    CLEANUP_FREE char *domain = NULL;
    struct host *host;
    struct job_run *r;

    if (env_find_domain(e, text, &host, &domain, err) < 0)
        return -1;
    r = busy_job(e, host->name, domain);
    if (!r)
        return err_set(err, ERR_NOTFOUND, "no job of domain %s runs", domain);
    *ret_job = job_is_being_begun(r) ? 0 : r->row.id;
    job_cancel(r);
    return 0;
}

/* ---- figures ---- */

static struct api_answer figures(const struct job_run *r)
{
    return (struct api_answer){
        ANSWER_JOB, .u.job = {&r->row, r->has_begun, r->has_begun ? job_elapsed_ms(r) : 0}};
}

static int after_stats(struct request *t, struct err *err)
{
    struct job_run *r = job_find(t->env, t->job);

    (void)err;
    t->answer = (struct api_answer){.kind = ANSWER_JOB};
    if (!r)
        return 0;
    if (t->stats.state == HVJOB_RUNNING)
        hv_take_stats(r, &t->stats);
    t->answer = figures(r);
    return 0;
}

/* The hypervisor does not answer now: then the last figures. */
static int no_stats(struct request *t, struct err *err)
{
    (void)t;
    (void)err;
    return 0;
}

void api_job_info(struct job_env *e, const char *domain, struct api_reply reply)
{
    struct request *t = request_new(e, domain, reply);
    struct err err = ERR_INIT;
    struct hv_job job;
    struct job_run *r;

    if (!t)
        return;
    r = busy_job(e, t->host->name, t->domain);
    if (!r || !r->has_begun) {
        t->answer =
            r && !job_is_being_begun(r) ? figures(r) : (struct api_answer){.kind = ANSWER_JOB};
        request_finish(t, NULL);
        return;
    }
    t->job = r->row.id;
    t->next = after_stats;
    t->failed = no_stats;
    job = hv_job_of(r);
    t->op = t->host->hv->ops->job_stats(t->host->hv, &job, &t->stats, request_on_op, t, &err);
    if (!t->op)
        request_on_op(t, &err);
}

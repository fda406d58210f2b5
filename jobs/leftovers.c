/* SPDX-License-Identifier: MIT
 *
 * What former jobs of ours left at a hypervisor, and its removal before the next backup: a
 * backup job that nobody waits for, checkpoints that were let go, bitmaps of ours that no
 * catalog row names. Ours is what carries this catalog's id in its name, and what a row says was
 * made by hand and given up; nothing else is ever touched.
 */
#include "jobs/leftovers.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/names.h"
#include "base/text.h"
#include "jobs/job.h"
#include "storage/catalog/catalog_at_host.h"

void leftovers_done(struct leftovers *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->items[i].name);
        free(c->items[i].place);
        strlist_done(&c->items[i].disks);
    }
    free(c->items);
    *c = (struct leftovers){0};
}

static bool listed(const struct leftovers *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].kind == LEFTOVER_DELETE_CHECKPOINT && strcmp(c->items[i].name, name) == 0)
            return true;
    return false;
}

static struct leftover *add(struct leftovers *c, enum leftover_kind kind, const char *name)
{
    struct leftover *item = VEC_ADD(c);

    item->kind = kind;
    item->name = xstrdup(name);
    return item;
}

/* A job that runs where jobs bear no tags: ours is what the catalog says writes there. */
static int add_running(struct job_run *r, const char *place, struct leftovers *ret, struct err *err)
{
    CLEANUP_FREE char *tag = NULL;
    int64_t job;

    if (catalog_at_host_find(r->env->catalog, r->row.host, r->row.domain, place, &job, err) < 0)
        return -1;
    ret->foreign = job == 0;
    if (ret->foreign)
        return 0;
    MARK("a job that was left is known by its place");
    tag = xasprintf("%s-%lld", catalog_id(r->env->catalog), (long long)job);
    add(ret, LEFTOVER_ABORT_JOB, tag)->place = xstrdup(place);
    add(ret, LEFTOVER_FORGET_JOB, tag)->place = xstrdup(place);
    return 0;
}

static bool facts_have(const struct domain_facts *f, const char *checkpoint)
{
    for (size_t i = 0; i < f->disks.n; i++) {
        const struct disk_facts *d = &f->disks.items[i];

        for (size_t k = 0; k < d->bitmaps.n; k++) {
            CLEANUP_FREE char *of = bitmap_checkpoint(d->bitmaps.items[k].name);

            if (strcmp(of, checkpoint) == 0)
                return true;
        }
    }
    return false;
}

static void add_bitmaps(struct job_run *r, const struct domain_facts *facts, struct leftovers *ret,
                        const char *prefix, const struct checkpoint_list *rows)
{
    for (size_t i = 0; i < facts->disks.n; i++) {
        const struct disk_facts *d = &facts->disks.items[i];

        for (size_t k = 0; k < d->bitmaps.n; k++) {
            CLEANUP_FREE char *name = bitmap_checkpoint(d->bitmaps.items[k].name);
            const struct checkpoint *row = checkpoint_list_find(rows, name);

            bool given_up =
                row ? row->state == CHECKPOINT_DROPPING
                    : starts_with(name, prefix) &&
                          !r->env->ops->may_serve(r->env, r->row.host, r->row.domain, name);

            if (row && row->state == CHECKPOINT_PROVISIONAL)
                given_up = true; /* its job is not this one, and no other runs */
            if (given_up && !listed(ret, name))
                add(ret, LEFTOVER_DELETE_CHECKPOINT, name);
        }
    }
}

/* A checkpoint that is to be a base, and that the hypervisor does not know. */
static void add_forgotten(struct leftovers *c, const struct domain_facts *facts,
                          const struct checkpoint *row)
{
    struct leftover *item = add(c, LEFTOVER_REDEFINE_CHECKPOINT, row->name);

    item->created = row->created;
    for (size_t i = 0; i < row->disks.n; i++) {
        const struct disk_facts *d = domain_facts_disk(facts, row->disks.items[i].name);

        if (d && d->trackable)
            strlist_add(&item->disks, d->name);
    }
    if (item->disks.n > 0)
        return;
    free(item->name);
    c->n--;
}

static bool is_forgotten(const struct job_run *r, const struct domain_facts *facts,
                         const struct checkpoint *row)
{
    return r->type->backup && r->host->hv->ops->checkpoint_redefine &&
           (facts->state == DOMAIN_RUNNING || facts->state == DOMAIN_PAUSED) &&
           (row->state == CHECKPOINT_CURRENT || row->state == CHECKPOINT_KEPT) &&
           !facts_have(facts, row->name);
}

int leftovers_find(struct job_run *r, const struct domain_facts *facts, struct leftovers *ret,
                   struct err *err)
{
    struct catalog *catalog = r->env->catalog;
    CLEANUP_FREE char *prefix = xasprintf("vmkeep-%s-", catalog_id(catalog));
    struct checkpoint_list rows = {0};

    leftovers_done(ret);
    if (catalog_checkpoints(catalog, r->row.host, r->row.domain, &rows, err) < 0)
        return -1;
    if (facts->job_tag && starts_with(facts->job_tag, prefix + strlen("vmkeep-"))) {
        add(ret, LEFTOVER_ABORT_JOB, facts->job_tag);
        add(ret, LEFTOVER_FORGET_JOB, facts->job_tag);
    }
    if (facts->job_place && add_running(r, facts->job_place, ret, err) < 0) {
        checkpoint_list_done(&rows);
        return -1;
    }
    add_bitmaps(r, facts, ret, prefix, &rows);
    for (size_t i = 0; i < rows.n; i++) {
        struct err ignored = ERR_INIT;

        if (is_forgotten(r, facts, &rows.items[i]))
            add_forgotten(ret, facts, &rows.items[i]);
        /* No disk has it: the row has done its duty. */
        if (rows.items[i].state == CHECKPOINT_DROPPING && !facts_have(facts, rows.items[i].name))
            catalog_checkpoint_delete(catalog, r->row.host, r->row.domain, rows.items[i].name,
                                      &ignored);
    }
    checkpoint_list_done(&rows);
    return 0;
}

struct op *leftovers_start(struct job_run *r, struct leftovers *left, struct err *err)
{
    struct hypervisor *hv = r->host->hv;
    const struct leftover *c;
    struct hv_job job;

    if (left->next >= left->n)
        return NULL;
    c = &left->items[left->next++];
    log_debug("job=%lld domain=%s/%s cleaning %s", (long long)r->row.id, r->row.host, r->row.domain,
              c->name);
    job = (struct hv_job){r->row.domain, c->name, c->place};
    switch (c->kind) {
    case LEFTOVER_ABORT_JOB:
        return hv->ops->abort_job(hv, &job, job_on_op, r, err);
    case LEFTOVER_FORGET_JOB:
        return hv->ops->job_forget(hv, &job, job_on_op, r, err);
    case LEFTOVER_REDEFINE_CHECKPOINT:
        return hv->ops->checkpoint_redefine(hv, r->row.domain, c->name, c->created, &c->disks,
                                            job_on_op, r, err);
    case LEFTOVER_DELETE_CHECKPOINT:
        return hv->ops->checkpoint_delete(hv, r->row.domain, c->name, job_on_op, r, err);
    }
    return NULL;
}

/* A backup does not begin beside another one. */
static bool is_in_the_way(const struct job_run *r, const struct leftover *c)
{
    return c->kind == LEFTOVER_ABORT_JOB && r->type->backup && r->err.code == ERR_NONE &&
           r->op_err.code != ERR_CANCELED;
}

/* Its bitmaps are gone, too, or broken: then its disks get fulls. */
static void after_redefining(struct job_run *r, struct leftovers *left, const struct leftover *c)
{
    left->redefined = left->redefined || r->op_err.code == ERR_NONE;
    if (r->op_err.code == ERR_NONE)
        log_notice("job=%lld domain=%s/%s checkpoint %s, which its host had forgotten, is defined "
                   "again",
                   (long long)r->row.id, r->row.host, r->row.domain, c->name);
    else
        log_debug("job=%lld domain=%s/%s checkpoint %s cannot be defined again: %s",
                  (long long)r->row.id, r->row.host, r->row.domain, c->name, r->op_err.msg);
}

void leftovers_after(struct job_run *r, struct leftovers *left)
{
    const struct leftover *c = &left->items[left->next - 1];
    struct err err = ERR_INIT;

    if (c->kind == LEFTOVER_REDEFINE_CHECKPOINT) {
        after_redefining(r, left, c);
    } else if (r->op_err.code != ERR_NONE && is_in_the_way(r, c)) {
        MARK("an older job of ours cannot be ended");
        r->err = r->op_err;
        err_wrap(&r->err, "job %s, which was left there, cannot be ended", c->name);
    } else if (r->op_err.code != ERR_NONE) {
        MARK("something is left for the next job to clean up");
        log_warning(
            "job=%lld domain=%s/%s left %s behind, to be tried again before the next job: %s",
            (long long)r->row.id, r->row.host, r->row.domain, c->name, r->op_err.msg);
    } else if (c->kind == LEFTOVER_DELETE_CHECKPOINT &&
               catalog_checkpoint_delete(r->env->catalog, r->row.host, r->row.domain, c->name,
                                         &err) < 0) {
        catalog_trouble(r->env, "forget a checkpoint", &err);
    }
    r->op_err = ERR_INIT;
}

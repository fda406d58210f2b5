/* SPDX-License-Identifier: MIT
 *
 * What a backup would stand on: the policy's last point of the domain, if its checkpoint is the
 * current one; and where it cannot, why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/backup_run.h"
#include "jobs/checkpoint_prune.h"
#include "policies/dates.h"

/* A point made after the one that would be stood on, and is not good, is why the chain ends. */
static void note_bad_newer(struct job_run *r, const struct point_list *points,
                           const struct point *last)
{
    struct backup_run *run = backup_of(r);
    const char *ours = catalog_id(r->env->catalog);
    const struct point *newer = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if ((p->state == POINT_MISSING || p->state == POINT_DAMAGED) &&
            (!last || point_made_after(p, last, ours)) &&
            (!newer || point_made_after(p, newer, ours)))
            newer = p;
    }
    if (newer)
        snprintf(run->base_missing, sizeof(run->base_missing), "%s%s is %s: %s",
                 last ? "the newer " : "", newer->id, point_state_name(newer->state),
                 newer->problem ? newer->problem : "");
}

/* The point that was made last, whatever its date.  One that is set aside is no base: its chain
 * ends with it. */
static int load_last(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    const struct point_filter of = {
        .host = r->row.host, .domain = r->row.domain, .policy = r->row.policy};
    const char *ours = catalog_id(r->env->catalog);
    struct point_list points = {0};
    const struct point *last;

    if (catalog_points(r->env->catalog, &of, &points, err) < 0)
        return -1;
    points_judge_dates(&points, env_now(r->env));
    last = points_last_made(&points, NULL, ours);
    run->has_base = last != NULL;
    if (last)
        point_copy(&run->base, last);
    if (last && last->set_aside)
        snprintf(run->base_missing, sizeof(run->base_missing),
                 "its date cannot be right, so it is set aside; this one starts a chain of its own "
                 "with the true date");
    else
        note_bad_newer(r, &points, last);
    point_list_done(&points);
    return 0;
}

/* Somebody has deleted the point that it would have been based on, and its checkpoint went with it:
 * what has changed since the point before is not known. */
static int note_deleted(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    struct job_end deleted = {0}, forgotten = {0};
    const struct job *row = &r->row;
    int64_t by;

    if (run->base_current || *run->base_missing)
        return 0;
    if (catalog_last_of_kind(r->env->catalog, row->host, row->domain, row->policy, JOB_DELETE,
                             &deleted, err) < 0)
        return -1;
    free(deleted.reason);
    if (catalog_last_of_kind(r->env->catalog, row->host, row->domain, row->policy, JOB_FORGET,
                             &forgotten, err) < 0)
        return -1;
    free(forgotten.reason);
    by = deleted.id > forgotten.id ? deleted.id : forgotten.id;
    if (by > 0 && (!run->has_base || by > run->base.job)) {
        MARK("the point that a backup would be based on was deleted");
        snprintf(run->base_missing, sizeof(run->base_missing), "%s %s on request, by job %lld",
                 run->has_base ? "a newer one was" : "what there was has been",
                 by == deleted.id ? "deleted" : "taken out of the catalog", (long long)by);
    }
    return 0;
}

static int load_current(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    struct catalog *catalog = r->env->catalog;
    struct checkpoint_list rows = {0};

    free(TAKE_PTR(run->former));
    if (catalog_checkpoints(catalog, r->row.host, r->row.domain, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++)
        if (rows.items[i].state == CHECKPOINT_CURRENT &&
            strcmp(rows.items[i].policy, r->row.policy) == 0 && !run->former)
            run->former = xstrdup(rows.items[i].name);
    run->base_current = run->has_base && run->former && str_eq(run->base.checkpoint, run->former);
    checkpoint_list_done(&rows);
    return 0;
}

/* Why the domain's checkpoints were let go of since its last point.  Caller frees; NULL: no job is
 * known to have let go of any. */
static int why_released(const struct job_run *r, char **ret, struct err *err)
{
    struct job_end last = {0};
    struct job_list jobs = {0};
    int rc = catalog_last_of_kind(r->env->catalog, r->row.host, r->row.domain, "",
                                  checkpoint_prune_type.kind, &last, err);

    free(last.reason);
    if (rc == 0 && last.id > backup_of(r)->base.job)
        rc = catalog_jobs(r->env->catalog, &(struct job_filter){.id = last.id}, &jobs, err);
    if (rc == 0 && jobs.n > 0)
        *ret = xasprintf("job %lld: %s", (long long)last.id,
                         jobs.items[0].why ? jobs.items[0].why : "");
    job_list_done(&jobs);
    return rc;
}

/* Nothing was made under the policy since, and its checkpoint is no more: it was let go of while no
 * policy covered the domain, or somebody has deleted it. */
static int note_released(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    CLEANUP_FREE char *why = NULL;

    if (!run->has_base || !run->base.checkpoint || *run->base_missing || run->former)
        return 0;
    if (why_released(r, &why, err) < 0)
        return -1;
    snprintf(run->base_missing, sizeof(run->base_missing), "its checkpoint %s was %s%s%s",
             run->base.checkpoint, why ? "released (" : "deleted since, or is not known any more",
             why ? why : "", why ? ")" : "");
    return 0;
}

int backup_base_load(struct job_run *r, struct err *err)
{
    if (load_last(r, err) < 0 || load_current(r, err) < 0 || backup_note_remade(r, err) < 0)
        return -1;
    return note_deleted(r, err) < 0 ? -1 : note_released(r, err);
}

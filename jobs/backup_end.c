/* SPDX-License-Identifier: MIT
 *
 * How a backup ends: recorded, or undone.
 */
#include "jobs/backup_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/copy.h"
#include "jobs/prune.h"

#define RECORD_AGAIN_S 10

/* ---- recording ---- */

/* "full of 2 disks, 1.2 GiB (zstd)", and what was not as it should be. */
static void made_sentence(const struct backup_run *run, char ret[ERR_MSG_MAX])
{
    const struct point *p = &run->published;
    const char *type = "", *why_not = NULL;
    char size[SIZE_TEXT_MAX];
    uint64_t bytes = 0;

    for (size_t i = 0; i < p->disks.n; i++) {
        bytes += p->disks.items[i].bytes;
        if (p->disks.items[i].compress != COMPRESS_OFF)
            type = compression_name(p->disks.items[i].compress);
        if (!why_not)
            why_not = p->disks.items[i].why_not;
    }
    snprintf(ret, ERR_MSG_MAX, "%s of %zu disk%s, %s%s%s%s%s%s%s%s%s", level_name(p->level),
             p->disks.n, p->disks.n == 1 ? "" : "s", size_text(bytes, size), *type ? " (" : "",
             type, *type ? ")" : "",
             run->hv.begun.perhaps_frozen ? ", and the guest is perhaps still frozen"
             : run->hv.begun.note[0]      ? ", not quiesced"
                                          : "",
             run->hv.begun.unsafe[0] ? "; guest-safe copy not possible: " : "",
             run->hv.begun.unsafe, why_not ? "; not compressed: " : "", why_not ? why_not : "");
}

/* What the point stands on was read meanwhile, by a verification perhaps, and is not whole: what
 * was copied stays, but is no good backup, and a retry begins a full.  Appends to the sentence. */
static bool stands_on_damage(const struct job_run *r, const struct point *p,
                             char sentence[ERR_MSG_MAX])
{
    const struct point_filter of = {.host = p->host, .domain = p->domain, .policy = p->policy};
    struct point_list points = {0};
    struct err err = ERR_INIT;
    const struct point *base = NULL;
    bool ret;

    if (p->parent && catalog_points(r->env->catalog, &of, &points, &err) == 0)
        base = point_list_find(&points, p->parent);
    ret = base && (base->state == POINT_DAMAGED || base->state == POINT_MISSING);
    if (ret) {
        size_t n = strlen(sentence);

        snprintf(sentence + n, ERR_MSG_MAX - n,
                 "; it cannot be restored: while it was made, %s, which it stands on, was found %s",
                 base->id, point_state_name(base->state));
    }
    point_list_done(&points);
    return ret;
}

/* Commits the end: the point, and that it is a good one.  Not written (disk full, say): the point
 * is published, so nothing is undone; it is tried again until it works or the daemon stops, and
 * then the next start does it. */
int backup_after_recording(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    struct err err = ERR_INIT;
    char reason[ERR_MSG_MAX];
    enum err_code code;

    made_sentence(run, reason);
    backup_disks_tell(r, &run->published, reason);
    code = stands_on_damage(r, &run->published, reason) ? ERR_IO : ERR_NONE; /* is tried again */
    job_save_progress(r);
    if (catalog_publish(r->env->catalog, r->row.id, env_now(r->env), &run->published, code, reason,
                        &err) < 0) {
        MARK("the end of a good backup is recorded again");
        catalog_trouble(r->env, "record a finished backup (it will be tried again)", &err);
        job_meets(r, &(struct obstacle){.code = OBSTACLE_CATALOG, .problem = err.msg});
        job_wait(r, RECORD_AGAIN_S);
        return JOB_STAYS;
    }
    backup_keep_uuid(r);
    r->repo->known = true;
    r->row.state = JOB_ENDED;
    run->verdict = code == ERR_NONE ? OUTCOME_SUCCESS : OUTCOME_FAILED;
    free(r->row.reason);
    r->row.reason = xstrdup(reason);
    return B_FORGETTING;
}

int backup_after_forgetting(struct job_run *r)
{
    hv_warn_left(r, "the ended job at the hypervisor");
    return B_DROPPING_OLD;
}

int backup_after_dropping_old(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    struct err err = ERR_INIT;

    if (!run->former)
        return B_DONE;
    if (r->op_err.code != ERR_NONE)
        hv_warn_left(r, run->former);
    else if (catalog_checkpoint_forget(r->env->catalog, run->former, &err) < 0)
        catalog_trouble(r->env, "forget a checkpoint", &err);
    return B_DONE;
}

/* After a good backup: what is to be copied elsewhere, and does retention let something go? */
int backup_after_done(struct job_run *r)
{
    struct job_env *e = r->env;
    const struct prune_scope of = {.host = r->row.host,
                                   .domain = r->row.domain,
                                   .policy = r->row.policy,
                                   .repository = r->row.repository};
    struct err err = ERR_INIT;

    if (copy_queue_after(e, r->row.host, r->row.domain, r->row.policy, &err) < 0)
        catalog_trouble(e, "queue copies", &err);
    if (prune_queue_if_due(e, &of, "after a backup: retention lets points go", &err) < 0)
        catalog_trouble(r->env, "judge what to keep", &err);
    r->env->ops->ended(r, backup_of(r)->verdict, r->row.reason);
    return JOB_STAYS;
}

/* ---- undoing ---- */

int backup_after_aborting(struct job_run *r)
{
    hv_warn_left(r, "the job at the hypervisor");
    return B_RELEASING;
}

int backup_after_releasing(struct job_run *r)
{
    (void)r;
    return B_DROPPING_NEW;
}

int backup_after_dropping_new(struct job_run *r)
{
    hv_dropped(r);
    return B_DISCARDING;
}

/* Files that could not be removed stay in the catalog, as a point that is being deleted: the next
 * prune removes them. */
int backup_after_discarding(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    struct point debris = r->row.plan;
    struct err err = ERR_INIT;

    if (r->op_err.code == ERR_NONE)
        return B_FAILED;
    MARK("what a failed backup wrote is left to a prune");
    hv_warn_left(r, "what it wrote to the repository");
    debris.state = POINT_DELETING;
    debris.parent = NULL;
    if (run->reached != MADE_POINT) /* a row without disks: no finished point goes for it */
        debris.disks.n = 0;
    if (catalog_point_add(r->env->catalog, &debris, &err) < 0)
        catalog_trouble(r->env, "remember what is to be removed", &err);
    return B_FAILED;
}

int backup_after_failed(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    /* The error, not what undoing it met, decides: an abort that was asked for is no failure. */
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    bool drop = r->row.state == JOB_RUNNING && run->hv.checkpoint_gone && r->row.plan.checkpoint;
    char *checkpoint = drop ? xstrdup(r->row.plan.checkpoint) : NULL;
    struct job_env *e = r->env;
    struct err err = ERR_INIT;

    r->env->ops->end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
    if (checkpoint && catalog_checkpoint_forget(e->catalog, checkpoint, &err) < 0)
        catalog_trouble(e, "forget a checkpoint", &err);
    free(checkpoint);
    return JOB_STAYS;
}

/* SPDX-License-Identifier: MIT
 *
 * What was let go of in the catalog (state dropping) goes at the hypervisor.  Each job of the
 * domain cleans that up before its own work; this one does nothing else, for domains that have no
 * other job.
 *
 *   queued -> looking -> cleaning -> done
 *
 * Nothing is made, so nothing is to be undone: one that is interrupted has failed, and what it was
 * about goes with the domain's next job.
 */
#include "jobs/checkpoint_prune.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/hv_session.h"

enum state { C_QUEUED, C_LOOKING, C_CLEANING, C_DONE };

int checkpoint_prune_queue(struct job_env *e, const char *host, const char *domain, const char *why,
                           int64_t *ret_job, struct err *err)
{
    struct job row = {
        .kind = checkpoint_prune_type.kind,
        .host = (char *)host,
        .domain = (char *)domain,
        .policy = (char *)"",
        .repository = (char *)"",
        .why = (char *)why,
    };
    struct job_run *r;

    for (size_t i = 0; i < e->runs.n; i++) {
        r = e->runs.items[i];
        if (r->type == &checkpoint_prune_type && !r->admitted && str_eq(r->row.domain, domain) &&
            str_eq(r->row.host, host)) {
            *ret_job = r->row.id;
            return 0;
        }
    }
    if (e->ops->add(e, &row, &r, err) < 0)
        return -1;
    *ret_job = row.id;
    return 0;
}

static int after_queued(struct job_run *r)
{
    if (r->host && r->host->hv)
        return C_LOOKING;
    if (r->host)
        r->err = r->host->problem;
    else
        err_set(&r->err, ERR_NOTFOUND, "host %s is not configured", r->row.host);
    return C_DONE;
}

static int after_looking(struct job_run *r)
{
    if (hv_looked(r) < 0 || catalog_job_start(r->env->catalog, r->row.id, env_now(r->env),
                                              LEVEL_FULL, r->row.why, NULL, &r->err) < 0)
        return C_DONE;
    r->row.state = JOB_RUNNING;
    r->row.started = env_now(r->env);
    return C_CLEANING;
}

static int after_cleaning(struct job_run *r)
{
    bool all = hv_cleaned(r);

    return job_unless_bad(r, all ? C_DONE : C_CLEANING, C_DONE);
}

/* One that could not be deleted, and is tried again before the domain's next job; NULL: all are
 * gone.  Caller frees. */
static char *left(const struct job_run *r)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    char *ret = NULL;

    if (catalog_checkpoints(r->env->catalog, r->row.host, r->row.domain, &rows, &err) < 0)
        catalog_trouble(r->env, "list checkpoints", &err);
    for (size_t i = 0; i < rows.n && !ret; i++)
        if (rows.items[i].state == CHECKPOINT_DROPPING)
            ret = xstrdup(rows.items[i].name);
    checkpoint_list_done(&rows);
    return ret;
}

static int after_done(struct job_run *r)
{
    const struct leftovers *l = &hv_of(r)->leftovers;
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    CLEANUP_FREE char *stays = r->err.code == ERR_NONE ? left(r) : NULL;
    char reason[ERR_MSG_MAX];
    size_t n = 0;

    if (stays)
        err_set(&r->err, ERR_REMOTE,
                "checkpoint %s could not be deleted; it goes with the domain's next job", stays);
    if (r->err.code != ERR_NONE) {
        r->env->ops->end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
        return JOB_STAYS;
    }
    for (size_t i = 0; i < l->n; i++)
        n += l->items[i].kind == LEFTOVER_DELETE_CHECKPOINT;
    snprintf(reason, sizeof(reason), "%zu checkpoint%s deleted at the hypervisor", n, plural_s(n));
    r->env->ops->end(r, OUTCOME_SUCCESS, reason);
    return JOB_STAYS;
}

#define TO(s) JOB_BIT(C_##s)

static const struct job_step steps[] = {
    [C_QUEUED] = {"queued", TO(LOOKING) | TO(DONE), NULL, after_queued, 0, 0},
    [C_LOOKING] = {"looking", TO(CLEANING) | TO(DONE), hv_look_start, after_looking, JOB_CANCELABLE,
                   0},
    [C_CLEANING] = {"cleaning", TO(CLEANING) | TO(DONE), hv_clean_start, after_cleaning, 0, 0},
    [C_DONE] = {"done", 0, NULL, after_done, JOB_FINAL | JOB_DECIDED, 0},
    [C_DONE + 1] = {0},
};

static const char *const doing[] = {
    [C_QUEUED] = "beginning",
    [C_LOOKING] = "looking at the domain",
    [C_CLEANING] = "deleting checkpoints at the hypervisor",
    [C_DONE] = "ending",
};

static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->guest = true;
}

const struct job_type checkpoint_prune_type = {
    .kind = "checkpoint-prune",
    .size = sizeof(struct hv_run),
    .steps = steps,
    .doing = doing,
    .done = hv_done,
    .claims = claims,
};

/* SPDX-License-Identifier: MIT
 *
 * noop: a kind of job that does nothing, with all that one needs.  docs/hacking.md shows it, as
 * what a new kind takes.
 */
#include "tests/unit/noop_job.h"

enum noop_state { N_QUEUED, N_RESTING, N_DONE };

#define REST_S 5

struct noop_run {
    struct job_run job;
    int rested;
};

static int after_queued(struct job_run *r)
{
    if (catalog_job_start(r->env->catalog, r->row.id, env_now(r->env), r->row.level, r->row.why,
                          NULL, &r->err) < 0)
        return N_DONE;
    r->row.state = JOB_RUNNING;
    return N_RESTING;
}

static struct op *start_resting(struct job_run *r, struct err *err)
{
    (void)err;
    job_wait(r, REST_S);
    return NULL;
}

static int after_resting(struct job_run *r)
{
    struct noop_run *run = (struct noop_run *)r;

    if (job_is_bad(r) || ++run->rested == 3)
        return N_DONE;
    return N_RESTING;
}

static int after_done(struct job_run *r)
{
    if (r->err.code == ERR_NONE)
        r->env->ops->end(r, OUTCOME_SUCCESS, "nothing was done, three times");
    else
        r->env->ops->end(r, r->canceled ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
    return JOB_STAYS;
}

#define TO(s) JOB_BIT(N_##s)

static const struct job_step steps[] = {
    [N_QUEUED] = {"queued", TO(RESTING) | TO(DONE), NULL, after_queued, 0, 0},
    [N_RESTING] = {"resting", TO(RESTING) | TO(DONE), start_resting, after_resting, JOB_WAITS,
                   N_RESTING},
    [N_DONE] = {"done", 0, NULL, after_done, JOB_FINAL | JOB_DECIDED, 0},
    [N_DONE + 1] = {0},
};

static const char *const doing[] = {
    [N_QUEUED] = "beginning",
    [N_RESTING] = "resting",
    [N_DONE] = "ending",
};

/* It is in nobody's way. */
static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->chain = CHAIN_READ;
}

const struct job_type noop_type = {
    .kind = "noop",
    .size = sizeof(struct noop_run),
    .steps = steps,
    .doing = doing,
    .claims = claims,
};

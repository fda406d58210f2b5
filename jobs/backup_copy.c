/* SPDX-License-Identifier: MIT
 *
 * While the hypervisor copies: wait for an event or the alarm, ask, and weigh the space that is
 * left.
 */
#include "jobs/backup_elsewhere.h"

#include "base/mark.h"
#include "base/text.h"
#include "policies/selection.h"

#define SPACE_FLOOR (UINT64_C(64) << 20)
#define WEIGH_S 5
#define SCRATCH_FLOOR (UINT64_C(64) << 20)

struct op *backup_start_probing(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);

    return r->repo->store->ops->probe(r->repo->store, !r->repo->known, run->scratch, &run->space,
                                      job_on_op, r, err);
}

int backup_after_copying(struct job_run *r)
{
    (void)r;
    return B_ASKING;
}

/* Who watches asks more often how far it is. */
static bool is_time_to_weigh(const struct job_run *r)
{
    const struct backup_run *run = backup_of(r);

    return !run->weighed || env_elapsed(r->env) - run->weighed >= WEIGH_S;
}

int backup_after_asking(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    enum hv_verdict v = hv_asked(r);

    if (v != HV_GOES_ON)
        return v == HV_GOOD_END ? B_PUBLISHING : B_ABORTING;
    if (!r->canceled)
        return run->hv.look_again || !is_time_to_weigh(r) ? B_COPYING : B_WEIGHING;
    job_say_canceled(r, &r->err);
    return B_ABORTING;
}

/* While the hypervisor writes, the repository may fill up under it, which would cost the guest: the
 * job is given up before that. */
static bool space_runs_out(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    uint64_t floor = run->space.total / 50 < SPACE_FLOOR ? run->space.total / 50 : SPACE_FLOOR;
    char text[SIZE_TEXT_MAX];

    if (r->op_err.code != ERR_NONE || run->space.free >= floor)
        return false;
    MARK("a repository runs full during a copy");
    err_set(&r->err, ERR_NOSPACE,
            "repository %s: only %s left during the copy; make room there, or let points go "
            "(vmkeep delete)",
            r->repo->name, size_text(run->space.free, text));
    return true;
}

/* Is what the guest overwrites before it is copied kept there?  A domain that is shut off
 * overwrites nothing, and a push's disks are copied unshielded where one of them cannot be. */
static bool uses_scratch(const struct job_run *r)
{
    const struct backup_run *run = backup_of(r);
    const struct domain_facts *f = run->hv.facts; /* NULL: gone on with after a restart */

    if (!run->scratch || (f && f->state == DOMAIN_SHUTOFF))
        return false;
    if (run->mode == MODE_PULL)
        return true;
    for (size_t i = 0; f && i < f->disks.n; i++)
        if (f->disks.items[i].unsafe && selection_matches(&run->disks, f->disks.items[i].name))
            return false;
    return r->host->hv->can & HV_SHIELDS;
}

/* Without it the guest's writes would not be shielded from the copy, or the copy be given up as
 * soon as it has begun. */
bool backup_scratch_lacks(struct job_run *r)
{
    const struct backup_run *run = backup_of(r);
    char text[SIZE_TEXT_MAX], least[SIZE_TEXT_MAX];

    if (run->space.scratch >= SCRATCH_FLOOR || !uses_scratch(r))
        return false;
    MARK("no copy begins for want of scratch space");
    err_set(&r->err, ERR_NOSPACE,
            "scratch space %s: %s free, and no copy begins with less than %s, for the guest's "
            "sake; make room there, or name a larger place (`scratch` of the policy)",
            run->scratch, size_text(run->space.scratch, text), size_text(SCRATCH_FLOOR, least));
    return true;
}

/* Scratch space may share its file system with more than backups. */
static bool scratch_runs_out(struct job_run *r, uint64_t left)
{
    const struct backup_run *run = backup_of(r);

    if (r->err.code != ERR_NONE || left >= SCRATCH_FLOOR || !uses_scratch(r))
        return false;
    MARK("scratch space runs full during a copy");
    err_set(
        &r->err, ERR_NOSPACE,
        "scratch space %s: only %s left during the copy; make room there, or name a larger place "
        "(`scratch` of the policy)",
        run->scratch, size_text(left, (char[SIZE_TEXT_MAX]){0}));
    return true;
}

int backup_after_weighing(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    uint64_t scratch = r->op_err.code == ERR_NONE ? run->space.scratch : UINT64_MAX;

    run->weighed = env_elapsed(r->env);
    if (space_runs_out(r) || scratch_runs_out(r, scratch))
        return B_ABORTING;
    if (!r->canceled)
        return B_COPYING;
    job_say_canceled(r, &r->err);
    return B_ABORTING;
}

void backup_job_progress(void *ctx, uint64_t done, uint64_t total, uint64_t scratch)
{
    struct job_run *r = ctx;
    struct backup_run *run = backup_of(r);

    run->hv.stats.bytes_done = r->row.bytes_done = done;
    run->hv.stats.bytes_total = r->row.bytes_total = total;
    hv_note_progress(r);
    if (scratch_runs_out(r, scratch))
        op_cancel(r->op);
}

/* A reader that lost its server knows no more than that: the hypervisor may know why. */
int backup_after_pulling(struct job_run *r)
{
    bool lost = !r->canceled && r->op_err.code != ERR_NOSPACE;

    backup_elsewhere_explain_pull(r, &r->op_err);
    return backup_unless_refused(r, B_CONFIRMING, lost ? B_EXPLAINING : B_ABORTING);
}

int backup_after_explaining(struct job_run *r)
{
    const struct hv_job_stats *stats = &backup_of(r)->hv.stats;

    if (r->op_err.code != ERR_NONE && r->op_err.code != ERR_CANCELED)
        err_wrap(&r->err, "the hypervisor cannot be asked now (%.200s)", r->op_err.msg);
    else if (stats->state == HVJOB_FAILED && stats->err.code != ERR_NONE)
        r->err = stats->err;
    r->op_err = ERR_INIT;
    return B_ABORTING;
}

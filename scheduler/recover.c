/* SPDX-License-Identifier: MIT
 *
 * Settling what a former life left open.  The journal says how far each job had come:
 *
 *   queued                       it waits again; by hand: it goes, for nobody waits for it any more
 *   preparing                    nothing at the hypervisor yet: undone, failed
 *   beginning, copying           the hypervisor is asked: it goes on, has ended, or is not known
 *   publishing, recording        the images are complete: published (again), recorded
 *   aborting ... discarding      undoing is done again from its start
 *   a backup begun by hand       goes on, or its end is found, or it is undone; see
 *                                jobs/manual_backup.c
 *   a checkpoint being made      given up
 *   a prune                      failed; points half removed are finished by a new one
 *
 * Of a host that has not told its domains yet, all of them wait for that (hosts.c).
 *
 * A job whose row had ended needs nothing: what it may have left at the hypervisor (the ended job,
 * the old checkpoint) is cleaned up before the domain's next job, or by the prune that
 * unfinished.c queues.
 */
#include "scheduler/recover.h"

#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/job_types.h"
#include "scheduler/core.h"
#include "scheduler/coverage.h"
#include "scheduler/queue.h"

static void settle(struct scheduler *s, const struct job_type *type, const struct job *row)
{
    struct job_run *r = job_new(&s->jobs, type, row);
    struct cover *c;

    if (row->state == JOB_QUEUED) {
        queue_append(s, r);
    } else {
        *VEC_ADD(&s->jobs.runs) = r;
        log_notice("job=%lld domain=%s/%s was %s when the daemon stopped", (long long)row->id,
                   row->host, row->domain, row->step ? row->step : "starting");
    }
    c = coverage_find(s, row->host, row->domain, row->policy);
    if (c && r->type->makes_points)
        c->job = r;
    if (row->state == JOB_QUEUED) {
        if (!c && r->type->makes_points) {
            MARK("a job that waits is covered no more after a restart");
            coverage_skip(r);
        }
        return;
    }
    queue_take_place(r, host_find(&s->jobs, row->host));
    r->awaits_host = r->host && host_is_awaited(r->host);
    if (r->awaits_host) {
        MARK("a job that runs waits for its host after a restart");
        job_meets(r, &(struct obstacle){.code = OBSTACLE_HOST});
    } else {
        job_resume(r);
    }
}

/* Whoever wanted it has gone with the daemon's former life, and nothing was done. */
static int forget(struct scheduler *s, const struct job *row, struct err *err)
{
    MARK("a backup by hand was being begun when the daemon stopped");
    log_notice("job=%lld domain=%s/%s was being begun by hand when the daemon stopped",
               (long long)row->id, row->host, row->domain);
    return catalog_job_remove(s->env.catalog, row->id, err);
}

int recover(struct scheduler *s, struct err *err)
{
    const struct job_filter open = {.active = true};
    struct job_list jobs = {0};
    int rc = 0;

    if (catalog_checkpoint_drop_orphans(s->env.catalog, err) < 0 ||
        catalog_jobs(s->env.catalog, &open, &jobs, err) < 0)
        return -1;
    for (size_t i = 0; i < jobs.n && rc == 0; i++) {
        const struct job_type *type = job_type_of(jobs.items[i].kind);

        if (type && type->by_hand && jobs.items[i].state == JOB_QUEUED)
            rc = forget(s, &jobs.items[i], err);
        else if (type)
            settle(s, type, &jobs.items[i]);
        else
            rc = err_set(err, ERR_CORRUPT, "job %lld is of a kind that is not known, '%s'",
                         (long long)jobs.items[i].id, jobs.items[i].kind);
    }
    job_list_done(&jobs);
    return rc;
}

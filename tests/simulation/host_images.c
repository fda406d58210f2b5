/* SPDX-License-Identifier: MIT
 *
 * What is otherwise of a domain that is shut off.  Where the host can (HV_OFFLINE), and its images
 * are known, it answers as one that runs.  Its jobs are those of a process that the driver has
 * made: they bear tags at every host, and go with the driver.  A domain that starts meanwhile comes
 * first, and the copy is given up. */
#include "tests/simulation/host.h"

bool host_answers(const struct sim_domain *d)
{
    return d->up || (d->images && !d->gone && (d->host->can & HV_OFFLINE));
}

static bool are_copied(const struct sim_domain *d)
{
    return d->has_job && d->job.of_images && d->job.state == HVJOB_RUNNING;
}

int images_check_idle(const struct sim_domain *d, struct err *err)
{
    if (d->up || !are_copied(d))
        return 0;
    return err_set(err, ERR_BUSY, "backup job %s copies the images", d->job.tag);
}

static void starts(void *domain)
{
    sim_domain_starts(domain);
}

static void breaks(void *domain)
{
    sim_images_break(domain);
}

void images_begin(struct sim_domain *d)
{
    struct sim_world *w = d->host->w;

    w->counts.image_jobs++;
    w->counts.image_pulls += d->job.pull;
    if (sim_chance(w, w->faults.images_disturbed))
        sim_at(w, sim_random(w, (uint32_t)(d->job.end_ms - w->now_ms)), false,
               sim_chance(w, 5000) ? starts : breaks, d);
}

void images_let_go(struct sim_hypervisor *hv)
{
    for (size_t i = 0; i < hv->host->domains.n; i++) {
        struct sim_domain *d = hv->host->domains.items[i];

        if (d->has_job && d->job.of_images == hv->id)
            sim_job_drop(d);
    }
}

void sim_images_break(struct sim_domain *d)
{
    if (!are_copied(d))
        return;
    d->host->w->counts.image_breaks++;
    d->job.state = HVJOB_FAILED;
    err_set(&d->job.err, ERR_REMOTE, "the copy of the images has broken off");
    host_tell(d, HV_EVENT_JOB);
}

/* What is read from now on is newer than what was. */
static void tear(struct sim_domain *d)
{
    struct sim_job *j = &d->job;

    d->host->w->counts.image_starts++;
    j->torn = true;
    j->state = HVJOB_FAILED;
    err_set(&j->err, ERR_BUSY,
            "the domain was started while its images were being copied; the backup is given up");
    for (size_t i = 0; i < j->images.n; i++)
        j->images.items[i].blocks[0]++;
    host_tell(d, HV_EVENT_JOB);
}

void sim_domain_starts(struct sim_domain *d)
{
    bool started = !d->up;

    d->up = true;
    if (!started)
        return;
    if (are_copied(d))
        tear(d);
    host_tell(d, HV_EVENT_DOMAIN);
}

/* SPDX-License-Identifier: MIT
 *
 * A hypervisor that keeps no ended job tells how the domain's last one ended and how long it ran,
 * but not whose it was.  A domain has one backup job at a time.  So if that one ran for longer
 * than since we have seen ours running, it was running then too, and is ours.  Nothing else
 * proves it: then the job has failed, whatever its images look like.
 */
#include "jobs/hv_at_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "storage/catalog/catalog_at_host.h"

#define SAVED_EVERY_S 30
#define ROUNDED_S 2 /* times are whole seconds */

static int64_t uptime(const struct job_run *r)
{
    return r->env->clock->ops->uptime(r->env->clock);
}

static bool can(const struct job_run *r, enum hv_can what)
{
    return r->host && r->host->hv && (r->host->hv->can & what);
}

int hv_record_place(struct job_run *r, const struct backup_request *request, struct err *err)
{
    struct hv_run *h = hv_of(r);

    free(h->place);
    h->place = xstrdup(request->n_disks > 0 ? request->disks[0].place.path : NULL);
    if (can(r, HV_TAGS))
        return 0;
    /* A copy of images needs none; but the domain may start before that begins. */
    if (!h->place && h->facts && h->facts->state == DOMAIN_SHUTOFF)
        return 0;
    if (!h->place)
        return err_set(err, ERR_UNSUPPORTED,
                       "the host knows its jobs by the files that they write to, and this one has "
                       "none: give a file or a block device");
    return catalog_at_host_place(r->env->catalog, r->row.id, h->place, err);
}

/* What a former life wrote down. */
static void load(struct job_run *r)
{
    struct hv_run *h = hv_of(r);
    struct at_host was;
    struct err err = ERR_INIT;

    h->loaded = true;
    if (catalog_at_host(r->env->catalog, r->row.id, &was, &err) < 0)
        catalog_trouble(r->env, "read how a job is known at its host", &err);
    if (!h->place)
        h->place = xstrdup(was.place);
    if (was.boot && str_eq(was.boot, r->env->clock->ops->boot(r->env->clock))) {
        h->ran = was.ran;
        h->has_run = true;
    }
    at_host_done(&was);
}

struct hv_job hv_job_of(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    if (r->resumed && !h->loaded)
        load(r);
    return (struct hv_job){r->row.domain, r->tag, h->place};
}

void hv_saw_running(struct job_run *r)
{
    struct hv_run *h = hv_of(r);
    struct err err = ERR_INIT;
    bool first = !h->has_run;

    /* Whatever the host's last job was, it was not one that the host knows nothing of. */
    if (can(r, HV_KEEPS_ENDED) || h->stats.ends_with_us)
        return;
    h->has_run = true;
    h->ran = uptime(r);
    if (!first && h->ran - h->ran_saved < SAVED_EVERY_S)
        return;
    h->ran_saved = h->ran;
    if (catalog_at_host_ran(r->env->catalog, r->row.id, r->env->clock->ops->boot(r->env->clock),
                            h->ran, &err) < 0)
        catalog_trouble(r->env, "record that a job runs", &err);
}

static bool last_was_ours(struct job_run *r)
{
    const struct hv_run *h = hv_of(r);

    hv_job_of(r);
    return h->has_run && h->stats.last != HVJOB_NONE &&
           h->stats.last_ms > (uptime(r) - h->ran + ROUNDED_S) * 1000;
}

static const char *why_not(const struct hv_run *h)
{
    if (h->stats.last == HVJOB_NONE)
        return "the host has no figures of it";
    return "the figures that the host has of the last job may be another's";
}

enum hv_verdict hv_settle_unseen(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    if (can(r, HV_KEEPS_ENDED)) {
        MARK("the hypervisor has lost a job");
        err_set(&r->err, ERR_REMOTE,
                r->resumed ? "interrupted: the daemon was stopped, and the hypervisor knows "
                             "nothing of the job"
                           : "the hypervisor has lost the job");
    } else if (!last_was_ours(r)) {
        MARK("an end that nobody saw cannot be found out");
        err_set(&r->err, ERR_REMOTE,
                "the copy ended while nobody watched, and how cannot be found out: %s", why_not(h));
    } else if (h->stats.last == HVJOB_COMPLETED) {
        MARK("a good end that nobody saw is found out by the last job's figures");
        log_notice("job=%lld domain=%s/%s it was completed while nobody watched",
                   (long long)r->row.id, r->row.host, r->row.domain);
        return HV_GOOD_END;
    } else {
        MARK("a bad end that nobody saw is found out by the last job's figures");
        err_set(&r->err, ERR_REMOTE, "the copy %s while nobody watched",
                h->stats.last == HVJOB_CANCELED ? "was cancelled" : "failed");
    }
    return HV_BAD_END;
}

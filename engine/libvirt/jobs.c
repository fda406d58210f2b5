/* SPDX-License-Identifier: MIT
 *
 * A domain has one backup job at a time.  So once libvirt has begun ours, an end that is told of
 * the domain is ours when it runs there no more (job_ask.c looks): on a busy machine the news of
 * what was there before may come when the next one runs.  While it begins, an end may be that of
 * another one which it waits for, and whose it was is found out afterwards (begin.c).
 * Events that are lost with the connection cannot be made up for: nothing that ran then is known
 * any more, and who asks looks for it anew.
 */
#include "engine/libvirt/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/backup_check.h"

static struct libvirt_jobs *jobs_of(struct libvirt_host *h)
{
    if (!h->jobs)
        h->jobs = xcalloc(1, sizeof(*h->jobs));
    return h->jobs;
}

/* ---- the list ---- */

struct libvirt_job *libvirt_job_find(const struct libvirt_host *h, const char *domain,
                                     const char *tag)
{
    for (struct libvirt_job *j = h->jobs ? h->jobs->first : NULL; j; j = j->next)
        if (strcmp(j->domain, domain) == 0 && strcmp(j->tag, tag) == 0)
            return j;
    return NULL;
}

struct libvirt_job *libvirt_job_open(const struct libvirt_host *h, const char *domain)
{
    for (struct libvirt_job *j = h->jobs ? h->jobs->first : NULL; j; j = j->next)
        if (strcmp(j->domain, domain) == 0 && j->phase != LIBVIRT_JOB_ENDED)
            return j;
    return NULL;
}

void libvirt_job_drop(struct libvirt_host *h, struct libvirt_job *j)
{
    struct libvirt_job **at = &jobs_of(h)->first;

    if (!j)
        return;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    writing_stop(&j->writing);
    free(j->domain);
    free(j->tag);
    free(j->place);
    free(j);
}

struct libvirt_job *libvirt_job_add(struct libvirt_host *h, const struct hv_job *job,
                                    enum libvirt_job_phase phase, enum backup_mode mode)
{
    struct libvirt_jobs *jobs = jobs_of(h);
    struct libvirt_job *j;

    libvirt_job_drop(h, libvirt_job_find(h, job->domain, job->tag));
    j = xcalloc(1, sizeof(*j));
    j->domain = xstrdup(job->domain);
    j->tag = xstrdup(job->tag);
    j->place = xstrdup(job->place);
    j->phase = phase;
    j->mode = mode;
    j->next = jobs->first;
    jobs->first = j;
    return j;
}

/* ---- ends ---- */

void libvirt_job_end(struct libvirt_host *h, struct libvirt_job *j, enum hv_job_state how,
                     const struct err *why)
{
    /* Its good end: nothing of it is left. */
    if (j->mode == MODE_PULL && j->ending && j->given_up.code == ERR_NONE) {
        libvirt_job_drop(h, j);
        return;
    }
    writing_stop(&j->writing);
    j->phase = LIBVIRT_JOB_ENDED;
    j->told = false;
    j->end = how;
    j->why = *why;
    if (j->given_up.code != ERR_NONE) {
        j->end = HVJOB_FAILED;
        j->why = j->given_up;
    }
}

void libvirt_job_end_as_told(struct libvirt_host *h, struct libvirt_job *j)
{
    const struct err why = j->why;

    libvirt_job_end(h, j, j->end, &why);
}

void libvirt_job_ended_by_us(struct libvirt_host *h, struct libvirt_job *j)
{
    struct err why = ERR_INIT;

    err_set(&why, ERR_CANCELED, "cancelled");
    libvirt_job_end(h, j, HVJOB_CANCELED, &why);
}

void libvirt_jobs_free(struct libvirt_host *h)
{
    if (!h->jobs)
        return;
    while (h->jobs->first)
        libvirt_job_drop(h, h->jobs->first);
    while (h->jobs->frozen)
        libvirt_note_frozen(h, h->jobs->frozen->domain, 0.0);
    if (h->jobs->clock.data)
        ev_timer_stop(h->loop, &h->jobs->clock);
    free(h->jobs);
    h->jobs = NULL;
}

/* ---- guests that are frozen ---- */

static struct libvirt_frozen **find_frozen(struct libvirt_host *h, const char *domain)
{
    struct libvirt_frozen **at = &jobs_of(h)->frozen;

    while (*at && strcmp((*at)->domain, domain) != 0)
        at = &(*at)->next;
    return at;
}

void libvirt_note_frozen(struct libvirt_host *h, const char *domain, double since)
{
    struct libvirt_frozen **at = find_frozen(h, domain), *f = *at;

    if (!f && since > 0.0) {
        f = xcalloc(1, sizeof(*f));
        f->domain = xstrdup(domain);
        f->since = since;
        *at = f;
    } else if (f && since <= 0.0) {
        *at = f->next;
        free(f->domain);
        free(f);
    }
}

void libvirt_note_thaw_failed(struct libvirt_host *h, const char *domain, const char *why)
{
    struct libvirt_frozen *f;

    libvirt_note_frozen(h, domain, ev_now(h->loop));
    f = *find_frozen(h, domain);
    f->tries++;
    snprintf(f->why, sizeof(f->why), "%s", why ? why : "");
}

int libvirt_refuse_freeze(struct libvirt_host *h, const char *domain, struct err *err)
{
    if (*find_frozen(h, domain))
        return err_set(err, ERR_UNSUPPORTED, "%s", BACKUP_THAW_OWED);
    return 0;
}

void libvirt_tell_frozen(struct libvirt_host *h, const char *domain, struct domain_facts *ret)
{
    const struct libvirt_frozen *f = domain ? *find_frozen(h, domain) : NULL;

    if (!f)
        return;
    ret->perhaps_frozen = true;
    ret->frozen_for = (int64_t)(ev_now(h->loop) - f->since);
}

void libvirt_thaw(struct hypervisor *hv, const char *domain, struct hv_thaw *ret)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    const struct libvirt_frozen *f = *find_frozen(h, domain);

    *ret = (struct hv_thaw){.since_s = -1};
    if (!f)
        return;
    ret->tries = f->tries;
    ret->why = f->why;
    ret->since_s = (int64_t)(ev_now(h->loop) - f->since);
}

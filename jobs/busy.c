/* SPDX-License-Identifier: MIT */
#include "jobs/busy.h"

#include "jobs/job.h"
#include "jobs/request.h"

struct busy busy_with(const struct job_env *e, const struct job_claims *c,
                      const struct job_run *except)
{
    struct job_claims other;
    enum claim claim;

    for (size_t i = 0; i < e->runs.n; i++) {
        struct job_run *r = e->runs.items[i];

        if (r == except || !r->admitted)
            continue;
        job_claims(r, &other);
        claim = claims_conflict(c, &other);
        if (claim != CLAIM_NONE)
            return (struct busy){.job = r, .claim = claim};
    }
    for (size_t i = 0; i < e->requests.n; i++) {
        request_claims(e->requests.items[i], &other);
        claim = claims_conflict(c, &other);
        if (claim != CLAIM_NONE)
            return (struct busy){.request = e->requests.items[i], .claim = claim};
    }
    return (struct busy){0};
}

static struct busy with_guest(const struct job_env *e, const char *host, const char *domain)
{
    const struct job_claims guest = {.host = host, .domain = domain, .guest = true};

    return busy_with(e, &guest, NULL);
}

struct job_run *busy_job(const struct job_env *e, const char *host, const char *domain)
{
    return with_guest(e, host, domain).job;
}

int busy_refuse(const struct job_env *e, const struct host *h, const char *domain, struct err *err)
{
    const struct busy b = with_guest(e, h->name, domain);

    if (h->stale)
        return err_set(err, ERR_BUSY,
                       "host %s has changed in the configuration, and its jobs have to end first",
                       h->name);
    if (b.job && !job_is_being_begun(b.job))
        return err_set(err, ERR_BUSY, "job %lld (%s%s%s) of domain %s is running",
                       (long long)b.job->row.id, b.job->row.kind,
                       *b.job->row.policy ? " of policy " : "", b.job->row.policy, domain);
    if (b.job)
        return err_set(err, ERR_BUSY, "another backup of domain %s is just being begun", domain);
    if (b.request)
        return err_set(err, ERR_BUSY, "%s of domain %s is under way", b.request->what, domain);
    return 0;
}

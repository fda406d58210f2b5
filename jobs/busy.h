/* SPDX-License-Identifier: MIT
 *
 * busy: who is at work now, and in the way of somebody else.
 */
#ifndef VMKEEP_JOBS_BUSY_H
#define VMKEEP_JOBS_BUSY_H

#include "jobs/claims.h"
#include "jobs/env.h"

struct busy {
    struct job_run *job; /* one of them, or neither */
    const struct request *request;
    enum claim claim; /* what it has */
};

/* A job that runs, or a request, whose claims are in conflict with these. */
struct busy busy_with(const struct job_env *e, const struct job_claims *c,
                      const struct job_run *except);
/* The job that works on the guest; NULL: none. */
struct job_run *busy_job(const struct job_env *e, const char *host, const char *domain);
/* ERR_BUSY, naming who works on the guest now, or that the host is to be replaced. */
int busy_refuse(const struct job_env *e, const struct host *h, const char *domain, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * copy: finished points of one domain under one policy are copied into a second repository.
 */
#ifndef VMKEEP_JOBS_COPY_H
#define VMKEEP_JOBS_COPY_H

#include "jobs/job.h"
#include "policies/copying.h"

extern const struct job_type copy_type;

/* What there is to be copied, as far as the catalog knows. */
struct copy_work {
    struct point_list points, copies; /* what steps points into */
    struct copy_step_list steps;
};

void copy_work_done(struct copy_work *w);

/* *ret is empty where the policy has no copies in that repository (any more). */
int copy_work_look(struct job_env *e, const char *host, const char *domain, const char *policy,
                   const char *repository, struct copy_work *ret, struct err *err);

/* One that waits already does as well. */
int copy_queue(struct job_env *e, const char *host, const char *domain, const char *policy,
               const char *repository, const char *why, struct job_run **ret, struct err *err);

/* After a good backup: into those repositories that have no schedule of their own. */
int copy_queue_after(struct job_env *e, const char *host, const char *domain, const char *policy,
                     struct err *err);

#endif

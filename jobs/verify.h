/* SPDX-License-Identifier: MIT
 *
 * verify: points are read again, to see whether they are what they were.
 */
#ifndef VMKEEP_JOBS_VERIFY_H
#define VMKEEP_JOBS_VERIFY_H

#include "jobs/job.h"
#include "jobs/job_ids.h"

extern const struct job_type verify_type;

struct verify_order {
    const char *host, *domain, *policy, *repository;
    const struct strlist *points; /* ids, in the order in which they are read */
    int sample;                   /* percent of each; 0: as the policy says */
    int64_t due;                  /* 0: asked for by hand */
    const char *why;
};

/* One that is queued or runs by the schedule for the same points is enough: *ret is that one. */
int verify_queue(struct job_env *e, const struct verify_order *o, struct job_run **ret,
                 struct err *err);

/* By hand: one for each chain that has some of them.  ret: their numbers.  ERR_NOTFOUND: such a
 * point, or its repository, is not known. */
int verify_queue_points(struct job_env *e, const struct strlist *ids, int sample,
                        struct job_ids *ret, struct err *err);

#endif

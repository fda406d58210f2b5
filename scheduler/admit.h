/* SPDX-License-Identifier: MIT
 *
 * admit: which of the waiting jobs may start, and what is in the way of the others.
 */
#ifndef VMKEEP_SCHEDULER_ADMIT_H
#define VMKEEP_SCHEDULER_ADMIT_H

#include "jobs/job.h"
#include "jobs/obstacle.h"

struct scheduler;

/* Begins what may, oldest first; while draining, says when nothing runs any more.  ctx: the
 * scheduler. */
void admit_jobs(void *ctx);

/* What is in the way of a queued job now: what admit_jobs itself goes by.  OBSTACLE_NONE: nothing,
 * it begins as soon as the loop comes to it. */
void admit_obstacle(struct scheduler *s, const struct job_run *r, struct obstacle *ret);

/* Where the obstacle is a limit: those that have the places, oldest first, at most max. */
size_t admit_holders(struct scheduler *s, const struct obstacle *o, int64_t *ret, size_t max);

#endif

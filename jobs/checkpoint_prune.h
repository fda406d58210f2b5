/* SPDX-License-Identifier: MIT
 *
 * checkpoint-prune: checkpoints that no policy needs any more go at a domain's hypervisor.
 */
#ifndef VMKEEP_JOBS_CHECKPOINT_PRUNE_H
#define VMKEEP_JOBS_CHECKPOINT_PRUNE_H

#include "jobs/job.h"

extern const struct job_type checkpoint_prune_type;

/* One that waits for the domain already will do. */
int checkpoint_prune_queue(struct job_env *e, const char *host, const char *domain, const char *why,
                           int64_t *ret_job, struct err *err);

#endif

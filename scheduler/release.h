/* SPDX-License-Identifier: MIT
 *
 * release: checkpoints of policies that do not cover their domain any more.
 */
#ifndef VMKEEP_SCHEDULER_RELEASE_H
#define VMKEEP_SCHEDULER_RELEASE_H

#include "base/err.h"
#include "jobs/job_ids.h"

struct scheduler;

/* A policy that does not cover a domain any more may come back for so long, and go on with its last
 * checkpoint there. */
#define RELEASE_GRACE_S (INT64_C(7) * 86400)

/* Those whose grace is over go. Once an hour. */
void release_due(struct scheduler *s);
/* All go at once; see scheduler_prune_checkpoints. */
int release_now(struct scheduler *s, const char *domain, struct job_ids *ret, struct err *err);

#endif

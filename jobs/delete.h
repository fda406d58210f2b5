/* SPDX-License-Identifier: MIT
 *
 * delete: restore points go because somebody has named them, whatever the rules say.
 */
#ifndef VMKEEP_JOBS_DELETE_H
#define VMKEEP_JOBS_DELETE_H

#include "jobs/job.h"
#include "jobs/job_ids.h"
#include "policies/deletion.h"

extern const struct job_type delete_type;

/* One job for each domain, policy and repository that has some of d->asked.  ret: their numbers.
 * Refused as a whole, with nothing queued: as in policies/deletion.h; ERR_NOTFOUND also for what
 * lies in a repository that is not configured, or has another one in its place. */
int delete_queue(struct job_env *e, const struct deletion *d, struct job_ids *ret, struct err *err);

/* What is judged together; copies: those in that repository; NULL: points that are none. */
int delete_load_group(struct job_env *e, const char *host, const char *domain, const char *policy,
                      const char *copies, struct point_list *ret, struct err *err);

#endif

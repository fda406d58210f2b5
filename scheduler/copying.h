/* SPDX-License-Identifier: MIT
 *
 * copying: when points are copied into second repositories: by the policies' schedules, and when
 * one that was away is there again.  (After each backup, where there is no schedule, the backup
 * itself sees to it.)
 */
#ifndef VMKEEP_SCHEDULER_COPYING_H
#define VMKEEP_SCHEDULER_COPYING_H

#include "base/err.h"
#include "jobs/job_ids.h"

struct scheduler;

/* What is due by now is queued, for repositories that answer; the alarm is set for what comes
 * next.  Also after the configuration or the clock has changed. */
void copying_due(void *scheduler);

/* One cover's points into the repository; no job where its policy has no copies there. */
int copying_request(struct scheduler *s, size_t cover, const char *repository, struct job_ids *ret,
                    struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * backup: the kind of job that a policy wants.
 */
#ifndef VMKEEP_JOBS_BACKUP_H
#define VMKEEP_JOBS_BACKUP_H

#include "jobs/job.h"

extern const struct job_type backup_type;

#endif

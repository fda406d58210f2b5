/* SPDX-License-Identifier: MIT
 *
 * manual_backup: the kind of job that somebody begins with a document; see api.h.
 */
#ifndef VMKEEP_JOBS_MANUAL_BACKUP_H
#define VMKEEP_JOBS_MANUAL_BACKUP_H

#include "jobs/job.h"

extern const struct job_type manual_backup_type;

#endif

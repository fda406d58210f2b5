/* SPDX-License-Identifier: MIT
 *
 * job_types: all the kinds there are.
 */
#ifndef VMKEEP_JOBS_JOB_TYPES_H
#define VMKEEP_JOBS_JOB_TYPES_H

#include "jobs/job.h"

/* NULL: there is no such kind. */
const struct job_type *job_type_of(const char *kind);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef VMKEEP_TESTS_NOOP_JOB_H
#define VMKEEP_TESTS_NOOP_JOB_H

#include "jobs/job.h"

extern const struct job_type noop_type;

#endif

/* SPDX-License-Identifier: MIT
 *
 * The numbers of jobs that a request has queued.
 */
#ifndef VMKEEP_JOBS_JOB_IDS_H
#define VMKEEP_JOBS_JOB_IDS_H

#include <stddef.h>
#include <stdint.h>

struct job_ids {
    int64_t *items;
    size_t n, cap;
};

#endif

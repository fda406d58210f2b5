/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  What a verification has found, counted. */
#ifndef VMKEEP_JOBS_VERIFY_COUNT_H
#define VMKEEP_JOBS_VERIFY_COUNT_H

#include "base/model.h"
#include "storage/verify/proof.h"

struct verify_count {
    size_t of[PROOF_DAMAGED + 1], n; /* points */
    size_t samples;                  /* of the whole ones, as far as they were read */
    const char *worst;               /* one that is not known to be whole; borrowed; NULL: none */
};

/* Of those that the job has read. */
void verify_count(const struct point_list *points, int64_t job, struct verify_count *ret);

/* "5 points read: 2 whole in the sample of it, 2 whole, 1 damaged: ID". Caller frees. */
char *verify_count_text(const struct verify_count *c);

#endif

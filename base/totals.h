/* SPDX-License-Identifier: MIT
 *
 * totals: what all jobs that ever ended have come to, by their kind.
 */
#ifndef VMKEEP_BASE_TOTALS_H
#define VMKEEP_BASE_TOTALS_H

#include <stdint.h>

#include "base/model.h"

struct job_total {
    char *kind;
    enum job_outcome outcome;
    uint64_t jobs, bytes;
};

/* How many took no longer than so many seconds, and longer than the bound before; 0: than any. */
struct job_duration {
    char *kind;
    int64_t bound;
    uint64_t jobs, seconds; /* seconds: in all */
};

/* The bounds, ascending: as the catalog's schema has them. */
#define JOB_DURATION_BOUNDS                                                                        \
    {                                                                                              \
        10, 60, 300, 900, 3600, 14400, 43200                                                       \
    }

struct job_totals {
    VEC(struct job_total) by_outcome;     /* by kind, then outcome */
    VEC(struct job_duration) by_duration; /* by kind */
};

void job_totals_done(struct job_totals *t);

#endif

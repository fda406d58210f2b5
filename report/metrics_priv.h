/* SPDX-License-Identifier: MIT
 *
 * Private to report/: how a sample is written.
 */
#ifndef VMKEEP_REPORT_METRICS_PRIV_H
#define VMKEEP_REPORT_METRICS_PRIV_H

#include "report/metrics.h"

struct metrics_page {
    const struct metrics *m;
    FILE *out;
    const char *name; /* of the family under way */
};

struct metrics_labels {
    const char *suffix; /* of the name */
    const char *host, *domain, *policy, *repository;
    const char *target, *kind, *outcome, *code, *severity, *state, *version, *le;
};

/* Labels that are NULL are left out. */
void metrics_put_number(const struct metrics_page *p, const struct metrics_labels *l,
                        const char *number);
void metrics_put(const struct metrics_page *p, const struct metrics_labels *l, int64_t value);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to retention.c (the rules) and retention_plan.c (points and their chains).
 */
#ifndef VMKEEP_POLICIES_RETENTION_PRIV_H
#define VMKEEP_POLICIES_RETENTION_PRIV_H

#include "policies/dates.h"
#include "policies/retention.h"

/* A time and its place in the caller's order. */
struct retention_entry {
    int64_t t;
    size_t place;
    int64_t made; /* of points of one second: the number of the job, the later the newer */
};

/* For qsort: newest first; what is equal in all of that in the caller's order. */
int retention_entry_order(const void *a, const void *b);

/* What the rules say of the entries, newest first; verdicts in the caller's order. */
void retention_judge(const struct retention *r, const struct zone *zone,
                     const struct retention_entry *entries, size_t n,
                     struct retention_verdict *verdicts);

/* code: a word for programs. */
__attribute__((format(printf, 3, 4))) void retention_reason(struct retention_verdict *v,
                                                            const char *code, const char *fmt, ...);

/* The last step of every verdict: one that nothing has kept says so, and the reasons become text.
 */
void retention_finish(struct retention_verdict *verdicts, size_t n);

#endif

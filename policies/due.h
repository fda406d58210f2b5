/* SPDX-License-Identifier: MIT
 *
 * due: all that a policy's calendars say of a span of time.  Pure.
 *
 * These are the due times, not what will run: what is made up for, retried or waits for its turn is
 * decided when it comes (policies/plan.h).
 */
#ifndef VMKEEP_POLICIES_DUE_H
#define VMKEEP_POLICIES_DUE_H

#include "policies/config.h"
#include "policies/zone.h"

enum due_kind { DUE_FULL, DUE_INCREMENTAL, DUE_VERIFY, DUE_COPY, DUE_KIND_COUNT };
/* full, incremental, verify, copy */
const char *due_kind_name(enum due_kind kind);

struct due_time {
    int64_t at;
    enum due_kind kind;
};

struct dues {
    struct due_time *items; /* in the order of their times */
    size_t n, cap;
    bool cut; /* there are more: it ends early */
};

#define DUE_MAX 50000

/* from <= at < to; at most DUE_MAX.  An incremental that is due with a full is that full.  Caller
 * frees ret->items. */
void due_between(const struct config_policy *p, const struct zone *zone, int64_t from, int64_t to,
                 struct dues *ret);

#endif

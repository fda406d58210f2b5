/* SPDX-License-Identifier: MIT
 *
 * What a target is told of a condition, from what it was told before: each once, then again with
 * growing pauses, and at once when it is over or back.  Pure.
 *
 * While a condition is firing, the catalog has a row of it for each target that was told.  When it
 * is over the row goes, so one that comes back is new, and told at once.
 */
#ifndef VMKEEP_NOTIFY_TOLD_H
#define VMKEEP_NOTIFY_TOLD_H

#include "report/condition.h"
#include "report/notice.h"
#include "storage/catalog/catalog_notify.h"

/* After having been told so many times: 1, 2, 4, 8, and then 16 days. */
int64_t told_pause(int64_t times);

/* What is to be told to one target, and what the catalog is to know of it then. */
struct telling {
    struct notice_event_list events;
    VEC(struct told) put;
    struct strlist gone;
};

/* was: what the target was told; now_firing: all that fires; kinds: bits, what it wants to hear of.
 * What it does not want to hear of (any more) goes without a word. */
void told_decide(const struct told_list *was, const struct condition_list *now_firing,
                 unsigned kinds, int64_t now, struct telling *ret);
void telling_done(struct telling *t);

#endif

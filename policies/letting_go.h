/* SPDX-License-Identifier: MIT
 *
 * letting_go: how points go that somebody, or a rule, has done with: removed, where nothing stands
 * on them, or merged into the one that does.  Pure functions.
 */
#ifndef VMKEEP_POLICIES_LETTING_GO_H
#define VMKEEP_POLICIES_LETTING_GO_H

#include <stdbool.h>

#include "base/model.h"
#include "policies/retention.h"

struct letting_go {
    char *id;
    char *into;     /* the point that gets its blocks; NULL: nothing stands on it */
    uint64_t moved; /* bytes: what is written for that, as far as is known */
};

struct letting_go_list {
    struct letting_go *items;
    size_t n, cap;
};

void letting_go_list_done(struct letting_go_list *l);
const struct letting_go *letting_go_find(const struct letting_go_list *l, const char *id);

/* Those that goes names, in the order in which they can go: first what nothing stands on, newest
 * first; then, oldest first, what exactly one point stands on, which both are sound, in one
 * repository. (From the oldest on each merge costs the bytes of the next increment alone.)  Those
 * that are listed are cleared in goes; what is left there stays: two stand on it, say.
 * sound: one a point: it, and all that it stands on, are whole and rightly dated, so its images may
 * be worked on. */
void letting_go_plan(const struct point_list *points, bool *goes, const bool *sound,
                     struct letting_go_list *ret);

/* Of the verdicts of retention_plan: those that no rule keeps, also where a kept one stands on
 * them. ret_goes, ret_sound: one a point. */
void letting_go_judge(const struct point_list *points, const struct retention_verdict *verdicts,
                      bool *ret_goes, bool *ret_sound);

#endif

/* SPDX-License-Identifier: MIT
 *
 * copying: which points are to be copied into a second repository, in which order, and what each
 * copy stands on there.  Pure functions.
 *
 * A copy is wanted of each point that the copies' own rules would keep, were it there: what they
 * would let go of at once is not brought first.  So a repository that was away for a month gets
 * what it would have now, and not all that it has missed.
 */
#ifndef VMKEEP_POLICIES_COPYING_H
#define VMKEEP_POLICIES_COPYING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/model.h"
#include "policies/config.h"
#include "policies/retention.h"

struct copying_rules {
    const struct retention *keep; /* of the copies */
    const struct zone *zone;
    int64_t now;
};

struct copy_step {
    const struct point *of; /* borrowed */
    const struct point *on; /* the copy that its copy will stand on; NULL: of those that are there,
                             * none */
    const struct point *after; /* the same, of a point whose copy an earlier step makes */
    bool carried;   /* no rule wants it, but a later step stands on it: cheaper than a full */
    uint64_t bytes; /* what is written, about */
};

struct copy_step_list {
    struct copy_step *items;
    size_t n, cap;
};

/* points: all of one domain under one policy that are no copies, their dates judged, in the
 * catalog's order (oldest first); copies: those of them in the repository.  What is not good, or
 * stands on what is not, is not copied.  ret: oldest first. */
void copying_plan(const struct copying_rules *r, const struct point_list *points,
                  const struct point_list *copies, struct copy_step_list *ret);

/* Disk d of step s's point stands, in the copy, on that of `below` (a copy, or the point that an
 * earlier step copies): else all of it is copied. */
bool copying_disk_stands_on(const struct point_disk *d, const struct point *below);

/* When the oldest of the steps has been due: at once where there is no schedule, else at its first
 * time after that point was made.  0: never. */
int64_t copying_due_time(const struct copy_step_list *steps, const struct calspec_list *schedule,
                         const struct zone *zone);

/* The next time of the schedule after t; 0: never. */
int64_t copying_next(const struct calspec_list *schedule, const struct zone *zone, int64_t t);

#endif

/* SPDX-License-Identifier: MIT
 *
 * preview: which points a policy has at the ends of spans of time to come, if it begins now and
 * each run that is due makes one: what its calendars and its rules mean together.  Pure.
 *
 * Merges let any point go that no rule keeps, so what stands on what does not matter; the oldest
 * has been merged into a full.
 */
#ifndef VMKEEP_POLICIES_PREVIEW_H
#define VMKEEP_POLICIES_PREVIEW_H

#include "base/alloc.h"
#include "policies/config.h"
#include "policies/zone.h"

struct preview_point {
    int64_t at;
    bool full;
};

struct preview_span {
    int64_t at;                     /* its end */
    size_t made;                    /* up to then */
    VEC(struct preview_point) kept; /* oldest first */
};

struct preview {
    VEC(struct preview_span) spans; /* of the first ends, in their order */
};

/* ends: ascending, later than from.  most: it ends before an instant up to which there are more
 * runs. */
void preview_make(const struct config_policy *p, const struct zone *zone, int64_t from,
                  const int64_t *ends, size_t n, size_t most, struct preview *ret);

/* As many times the room of a full as what is kept takes, where such a part of a disk, from 0 to 1,
 * is another one after each day: an increment is as large as what has changed since the point
 * before it that is still there. */
double preview_room(const struct preview_span *s, double change);

/* How many of those that are kept are fulls. */
size_t preview_fulls(const struct preview_span *s);

void preview_done(struct preview *p);

#endif

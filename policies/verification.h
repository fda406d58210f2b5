/* SPDX-License-Identifier: MIT
 *
 * verification: when the points of a policy are read again, which of them, and how much.  Pure
 * functions.
 */
#ifndef VMKEEP_POLICIES_VERIFICATION_H
#define VMKEEP_POLICIES_VERIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/model.h"
#include "policies/config.h"

/* Since when it is not known that all of the point is whole: what publishes a point reads it. */
int64_t verification_proven(const struct point *p);

/* The first time of the schedule after that; 0: none. */
int64_t verification_next(const struct config_verify *v, const struct zone *zone, int64_t after);

/* How many percent of the point are to be read by a run at now: all of it where max_age would be
 * broken before the run that follows, at next (0: none does), or where what was read last was
 * damaged; else the sample. */
int verification_share(const struct config_verify *v, const struct point *p, int64_t now,
                       int64_t next);

/* Those of points that a run reads, in order: first those of which all is read, the longest unread
 * first, then the others likewise.  ret: ids.  What is being let go of, and what is missing, is
 * not read. */
void verification_plan(const struct config_verify *v, const struct point_list *points, int64_t now,
                       int64_t next, struct strlist *ret);

/* A promise that is broken: the point whose proof is the oldest, if it is older than max_age.
 * since: the policy has had a schedule since then; ret_n: how many are.  NULL: none is. */
const struct point *verification_overdue(const struct config_verify *v,
                                         const struct point_list *points, const char *policy,
                                         int64_t since, int64_t now, size_t *ret_n);

#endif

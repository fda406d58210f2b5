/* SPDX-License-Identifier: MIT
 *
 * deletion: which restore points go when somebody asks for it by name, in which order, and whether
 * they may.  Pure functions.
 */
#ifndef VMKEEP_POLICIES_DELETION_H
#define VMKEEP_POLICIES_DELETION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/model.h"

/* Is an image of p, or p as a whole, based on the point of that id? */
bool point_stands_on(const struct point *p, const char *id);

/* Lists those that goes names, what stands on others first, whatever their dates say; never one
 * that something stands on which stays.  goes: one a point; those that are listed are cleared. */
void deletion_order(const struct point_list *points, bool *goes, struct strlist *ret);

struct deletion {
    const struct strlist *asked; /* ids */
    bool dependents;             /* what stands on them goes, too */
    bool force;                  /* the last good one, too */
};

/* points: all of one domain under one policy, their dates judged (policies/dates.h).  ret: the ids
 * of those that go, in order; left empty on error.
 * ERR_NOTFOUND: no such point; ERR_BUSY: another one stands on it, and stays; ERR_DENIED: no good
 * one would be left. */
int deletion_plan(const struct point_list *points, const struct deletion *d, struct strlist *ret,
                  struct err *err);

#endif

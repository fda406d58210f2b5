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
#include "policies/letting_go.h"

/* Is an image of p, or p as a whole, based on the point of that id? */
bool point_stands_on(const struct point *p, const char *id);

struct deletion {
    const struct strlist *asked; /* ids */
    bool dependents;             /* what stands on them goes, too */
    bool force;                  /* the last good one, too */
    int64_t now;                 /* pins that are over then count no more */
};

/* points: all of one domain under one policy, their dates judged (policies/dates.h).  ret: those
 * that go, in order, and how; left empty on error.
 * ERR_NOTFOUND: no such point; ERR_BUSY: others stand on it, and it cannot be merged into them;
 * ERR_DENIED: no good one would be left, or one of them is pinned, force or not. */
int deletion_plan(const struct point_list *points, const struct deletion *d,
                  struct letting_go_list *ret, struct err *err);

#endif

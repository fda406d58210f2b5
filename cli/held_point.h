/* SPDX-License-Identifier: MIT
 *
 * held_point: a point is held for reading (storage/repository/point_hold.h), and who merges it, or
 * one that it stands on, gives way.
 */
#ifndef VMKEEP_CLI_HELD_POINT_H
#define VMKEEP_CLI_HELD_POINT_H

#include "policies/config.h"
#include "storage/repository/point_hold.h"

struct held_point {
    const char *command;         /* that says so */
    const struct config *config; /* of the daemon that is asked; NULL: none is */
    const char *path;            /* of the repository */
    const struct point *point;
};

/* As repository_hold.  Where a merge is in the way, the daemon is asked to have it give way, and is
 * waited for, a minute at most, which is said on standard error. */
int held_point_take(const struct held_point *h, struct repository_hold *ret, struct err *err);

#endif

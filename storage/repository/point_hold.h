/* SPDX-License-Identifier: MIT
 *
 * point_hold: who reads points, and who changes them, in any process, with the daemon or without.
 *
 * It is flock(2) on the directories of the points: shared by those who read, a restore or an
 * export, say; exclusive for who removes a point or merges it into the next.  A reader holds all
 * that its point stands on.  The kernel lets go when the last process that has the descriptor is
 * gone, so nothing stays behind a crash.  Nobody ever waits for such a lock: ERR_BUSY is the
 * answer.  A file system without locks holds nothing, and what is there can be read all the same.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_POINT_HOLD_H
#define VMKEEP_STORAGE_REPOSITORY_POINT_HOLD_H

#include <stddef.h>

#include "base/err.h"

struct repository_hold {
    int *items; /* descriptors, close-on-exec */
    size_t n, cap;
};

/* Holds the point and its chain for as long as the process or the descriptors live; ret gets them
 * (free with repository_unhold).  What is read of the chain after it has returned stays so.
 * ERR_BUSY: it, or one that it stands on, is being removed or merged; ERR_NOTFOUND, ERR_CORRUPT. */
int repository_hold(const char *path, const char *point_id, struct repository_hold *ret,
                    struct err *err);
void repository_unhold(struct repository_hold *h);

/* Private to storage/.  The point's directory, for who changes it alone: ERR_BUSY while somebody
 * reads from it.  domain: the directory that it is in.  *ret_fd: close it to let go. */
int point_take(int domain, const char *path, const char *point_id, int *ret_fd, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to storage/rebuild*.c.  What is in the making, or half removed, and whose job will not
 * come back to it: the catalog that is made anew has to know of it, for nobody else removes it.
 */
#ifndef VMKEEP_STORAGE_REBUILD_REBUILD_DEBRIS_H
#define VMKEEP_STORAGE_REBUILD_REBUILD_DEBRIS_H

#include "storage/catalog/db.h"
#include "storage/rebuild/rebuild.h"

/* Looks for it in a repository; whose it is, is judged later. */
int rebuild_find_debris(struct rebuild *r, const char *name, const char *path, struct err *err);

/* Into the new catalog, whose jobs are known by now: as points without disks that are being
 * deleted, what a job of ours made that has ended.  known: to the newest catalog. */
int rebuild_add_debris(struct rebuild *r, struct db *db, const struct point_list *known,
                       struct err *err);

#endif

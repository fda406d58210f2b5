/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  The journal of a merge: POINT.merging, beside the directories of a domain's
 * points. It holds what becomes of the images of the point that takes the blocks.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_MERGE_JOURNAL_H
#define VMKEEP_STORAGE_REPOSITORY_MERGE_JOURNAL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/model.h"

#define MERGING ".merging"

struct merge_disk {
    char *name, *backing; /* backing: what the merged image stands on; NULL: on nothing */
};

struct merge_journal {
    char *into, *parent;
    VEC(struct merge_disk) disks; /* those of the point that goes */
};

/* dir: the domain's directory.  *ret_there false: no merge of that point has begun. */
int merge_journal_read(int dir, const char *path, const char *point_id, struct merge_journal *ret,
                       bool *ret_there, struct err *err);
void merge_journal_done(struct merge_journal *j);
/* Durably.  goes: its manifest. */
int merge_journal_write(int dir, const char *path, const struct point *goes, const char *into,
                        struct err *err);
int merge_journal_remove(int dir, const char *path, const char *point_id, struct err *err);
/* Only that of a merge which is done but for this: the point's directory is gone. */
int merge_journal_remove_lone(int dir, const char *path, const char *point_id, struct err *err);

/* All images of p have come from the point that goes: it stands on what that stood on, and may be a
 * full.  Nothing while there are others. */
void merge_take_over(struct point *p, const struct merge_journal *j, const char *goes);

/* NULL: there is no such disk. */
const struct merge_disk *merge_journal_disk(const struct merge_journal *j, const char *disk);

#endif

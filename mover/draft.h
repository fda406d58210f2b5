/* SPDX-License-Identifier: MIT
 *
 * draft: what the mover has seen of a disk while it copied it: the digests of the leaves that it
 * wrote into an image.  It lies where the image's tree is going to be, in the form of one
 * (storage/digest/tree.h) whose content is not known, so that no tree is ever taken for a draft,
 * nor a draft for a tree.  vmkeep-content makes the tree of it without reading the image; one that
 * is torn, or not of this disk, is none, and the image is read.
 */
#ifndef VMKEEP_MOVER_DRAFT_H
#define VMKEEP_MOVER_DRAFT_H

#include "mover/map.h"
#include "storage/digest/leaves.h"

/* map: what was written; l: the digests of its leaves.  Not durably. */
int draft_write(const char *path, const struct map *map, const struct leaves *l, struct err *err);

/* ret: of the disk's capacity, all zeroes but for what the draft has; map: what that is.  false:
 * there is none that can be used. */
bool draft_read(const char *path, uint64_t capacity, struct leaves *ret, struct map *ret_map);

#endif

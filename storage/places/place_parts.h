/* SPDX-License-Identifier: MIT
 *
 * Private to storage/: what a block device is made of, for places.c.  A loop device is its file, a
 * partition its disk, and what device-mapper (LVM, multipath, LUKS) or md (RAID) put together is
 * what it was put together from. */
#ifndef VMKEEP_STORAGE_PLACES_PLACE_PARTS_H
#define VMKEEP_STORAGE_PLACES_PLACE_PARTS_H

#include <sys/types.h>

#include "base/alloc.h"

#define PARTS_SYS "/sys/dev/block"

struct place_parts {
    VEC(dev_t) devices; /* the device itself is the first */
    VEC(char *) files;
};

/* What cannot be read is passed over.  sys: PARTS_SYS, or a test's. */
void place_parts_read(const char *sys, dev_t device, struct place_parts *ret);
void place_parts_done(struct place_parts *p);

#endif

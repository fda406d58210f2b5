/* SPDX-License-Identifier: MIT
 *
 * allocation: where a disk holds data, by what its image says of itself; no data is read.
 *
 * A dirty bitmap can forget: when a disk is shrunk and grown again, what was beyond is lost, its
 * size is the same, and the bitmap, which was cut and grew with it, says that nothing has changed
 * (QEMU 7.2).  An increment would let the old data stand.  So before a bitmap is trusted, the disk
 * is held against what it was when the bitmap was made: where there was data then, it must not read
 * as zeroes now unless the bitmap says that it was written to.
 */
#ifndef VMKEEP_ENGINE_ALLOCATION_H
#define VMKEEP_ENGINE_ALLOCATION_H

#include <stddef.h>

/* A question about one disk.  The strings of the upper half are borrowed until the operation
 * ends. */
struct allocation {
    const char *disk;
    const char *bitmap; /* that recorded what has changed since then; NULL: only map it */
    /* What the disk was then, one of both; a map is what `map` was for this disk then. */
    const char *was_image;
    const char *was_map;
    const char *was_key; /* the file of the image's key; NULL: it is in clear text */

    char *map;           /* no bitmap was given: what vmkeep-allocation prints */
    char *contradiction; /* it does not fit; which ranges, or why it could not be compared */
    char *unknown;       /* it cannot be told, for such an image: why */
};

void allocations_done(struct allocation *items, size_t n); /* the answers */

#endif

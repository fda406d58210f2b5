/* SPDX-License-Identifier: MIT
 *
 * stretches: whole leaves of a disk by where they lie in the files that hold them.  A guest's
 * neighbours lie apart there (a backup that many requests write at once shuffles them); read in
 * the order of the files they take half the time, or, where a disk has heads, less.
 */
#ifndef VMKEEP_MOVER_STRETCHES_H
#define VMKEEP_MOVER_STRETCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "mover/host_map.h"
#include "mover/map.h"

struct stretch {
    uint64_t offset, length; /* of the disk; whole leaves */
    uint64_t at;             /* in the file of this layer */
    uint32_t layer;
};

struct stretches {
    VEC(struct stretch) list; /* by layer, then by place */
    size_t next;              /* the first that is not gone through */
    uint64_t within;          /* and how far it is */
};

/* What is read at once: some stretches, one behind the other in their file. */
struct stretch_piece {
    uint64_t at, length;
    uint32_t layer;
    size_t first;    /* the stretch that it begins in */
    uint64_t within; /* and where in that */
};

/* Of the data of map.  ret_rest: that which lies otherwise, in the map's order. */
void stretches_make(const struct host_map *host, const struct map *map, struct stretches *ret,
                    struct map *ret_rest);
void stretches_done(struct stretches *s);

/* The next one, of at most max bytes (whole leaves).  false: there is none left. */
bool stretches_next(struct stretches *s, uint64_t max, struct stretch_piece *ret);

/* Where in the disk the piece's byte n lies, n at a multiple of a leaf. */
uint64_t stretches_offset(const struct stretches *s, const struct stretch_piece *p, uint64_t n);

#endif

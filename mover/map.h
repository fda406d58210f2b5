/* SPDX-License-Identifier: MIT
 *
 * map: which parts of a disk are to be copied.
 *
 * It is made of what the server says of the disk, part by part from its start, and rounded outwards
 * to the clusters of the image: a cluster is skipped, written as zeroes, or copied, as a whole.  So
 * none is ever written in part, which would need the rest of it from the backing file.
 */
#ifndef VMKEEP_MOVER_MAP_H
#define VMKEEP_MOVER_MAP_H

#include <stdint.h>

#include "base/alloc.h"

#define MAP_CLUSTER (UINT64_C(64) << 10) /* of the images, as storage makes them */

enum map_kind {
    MAP_SKIP, /* not asked for */
    MAP_ZERO, /* asked for, and reads as zeroes */
    MAP_DATA
};

struct map_run {
    uint64_t offset, length;
    enum map_kind kind; /* never MAP_SKIP */
};

struct map {
    uint64_t size;         /* of the disk; to be set first */
    uint64_t end;          /* how far it is known */
    enum map_kind cluster; /* of the cluster that is known in part */
    VEC(struct map_run) runs;
    uint64_t bytes; /* of all runs */
};

/* The next length bytes; no more than are left.  A cluster of several kinds is copied. */
void map_add(struct map *m, uint64_t length, enum map_kind kind);

/* Takes away from a, what b has; a's bytes are not kept.  Both in order. */
void map_subtract(struct map *a, const struct map *b);

void map_done(struct map *m);

#endif

/* SPDX-License-Identifier: MIT
 *
 * clusters: what clusters of an image hold, for vmkeep-allocation.
 */
#ifndef VMKEEP_MOVER_CLUSTERS_H
#define VMKEEP_MOVER_CLUSTERS_H

#include "mover/map.h"
#include "mover/peers.h"

/* Leaves of the map what does not read as zeroes. */
int clusters_drop_zeroes(struct peers *p, struct map *map, struct err *err);

/* Some of a map's clusters, read of two images. */
struct sample {
    uint64_t read, different;
    uint64_t first; /* offset of the first that is different */
};

/* Evenly over all of the map, at most so many, and others each time. */
int clusters_compare(struct peers *a, struct peers *b, const struct map *map, uint64_t n,
                     struct sample *ret, struct err *err);

#endif

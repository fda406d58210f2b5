/* SPDX-License-Identifier: MIT
 *
 * copy: what the map names, from the source to the target. */
#ifndef VMKEEP_MOVER_COPY_H
#define VMKEEP_MOVER_COPY_H

#include "mover/map.h"
#include "mover/peers.h"

struct leaves;

struct copy_spec {
    unsigned requests;  /* at most so many at once */
    uint64_t bandwidth; /* bytes per second read; 0: no limit */
    /* Clusters of data that are all zeroes are written, to hide what is below; else left out. */
    bool write_zeroes;
    struct leaves *leaves; /* of the disk: is set to the digests of what is data; NULL: none */
};

/* All is written, but not flushed, when it returns 0.  When it fails the peers are closed, for
 * libnbd uses our buffers for as long as they are open. */
int copy_run(struct peers *p, const struct map *map, const struct copy_spec *spec, struct err *err);

#endif

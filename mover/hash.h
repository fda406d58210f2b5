/* SPDX-License-Identifier: MIT
 *
 * hash: reads parts of a disk, several threads at once, and takes the digests of their leaves: from
 * the files that hold them, or over connections to one server, one a thread.
 */
#ifndef VMKEEP_MOVER_HASH_H
#define VMKEEP_MOVER_HASH_H

#include "mover/host_map.h"
#include "mover/map.h"
#include "mover/peers.h"
#include "storage/digest/leaves.h"

struct hash_spec {
    uint64_t bandwidth; /* bytes read a second; 0: no limit */
    int threads;
    const struct host_map *host; /* what is read; NULL: the source of peers */
    const int *more; /* then: a connection for each thread but the first; they are closed */
};

/* How many threads pay on this machine. */
int hash_threads(void);

/* Sets the leaves of all runs of the map that have data (the others are left as they are) to what
 * the disk holds there; behind its end are zeroes.  ret: of the disk's capacity.  Waits;
 * peers->told hears of it. */
int hash_runs(struct peers *p, const struct map *map, const struct hash_spec *spec,
              struct leaves *ret, struct err *err);

#endif

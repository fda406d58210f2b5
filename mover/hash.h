/* SPDX-License-Identifier: MIT
 *
 * hash: reads parts of a disk over several connections to one server, a thread each, and takes the
 * digests of their leaves.  Reading costs qemu-nbd less than digesting costs us, so that one
 * server keeps several threads busy.
 */
#ifndef VMKEEP_MOVER_HASH_H
#define VMKEEP_MOVER_HASH_H

#include "mover/map.h"
#include "mover/peers.h"
#include "storage/leaves.h"

struct hash_spec {
    uint64_t bandwidth; /* bytes read a second; 0: no limit */
    const int *more;    /* connections beside that of peers; they are closed */
    int n_more;
};

/* How many threads pay on this machine. */
int hash_threads(void);

/* Sets the leaves of all runs of the map that have data (the others are left as they are) to what
 * the source holds there; behind the source's end are zeroes.  ret: of the disk's capacity.  Waits;
 * peers->told hears of it. */
int hash_runs(struct peers *p, const struct map *map, const struct hash_spec *spec,
              struct leaves *ret, struct err *err);

#endif

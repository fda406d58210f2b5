/* SPDX-License-Identifier: MIT
 *
 * extents: the map of what is to be copied, from what the source's server says. */
#ifndef VMKEEP_MOVER_EXTENTS_H
#define VMKEEP_MOVER_EXTENTS_H

#include <stdbool.h>

#include "mover/map.h"
#include "mover/peers.h"

/* context: "qemu:dirty-bitmap:NAME", the same that the source was opened with: its dirty parts; or
 * CONTEXT_DEPTH: the parts that the image itself holds, not one below it; or NULL: all that does
 * not read as zeroes.  *ret: release with map_done, on failure too. */
int extents_map(struct peers *p, const char *context, struct map *ret, struct err *err);

/* A part of a server's answer in one context. */
struct extent {
    uint64_t length;
    uint32_t flags; /* LIBNBD_STATE_ZERO, or whether it is dirty */
};

struct extent_list {
    struct extent *items;
    size_t n, cap;
};

/* Adds to the map what both lists say, from the map's end on, as far as both reach and the disk
 * goes.  The lists are used up by it. */
void extents_take(struct extent_list *allocation, struct extent_list *dirty, bool incremental,
                  struct map *map);

#endif

/* SPDX-License-Identifier: MIT
 *
 * extents: the map of what is to be copied, from what the source's server says. */
#ifndef VMKEEP_MOVER_EXTENTS_H
#define VMKEEP_MOVER_EXTENTS_H

#include "mover/map.h"
#include "mover/peers.h"

/* context: "qemu:dirty-bitmap:NAME", the same that the source was opened with: its dirty parts; or
 * NULL: all that does not read as zeroes.  *ret: release with map_done, on failure too. */
int extents_map(struct peers *p, const char *context, struct map *ret, struct err *err);

#endif

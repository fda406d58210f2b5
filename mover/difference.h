/* SPDX-License-Identifier: MIT
 *
 * difference: which leaves of a disk are not what they should be.
 */
#ifndef VMKEEP_MOVER_DIFFERENCE_H
#define VMKEEP_MOVER_DIFFERENCE_H

#include "base/err.h"
#include "mover/map.h"
#include "storage/digest/leaves.h"

/* How many leaves; ret: their ranges, to be released with map_done. */
uint64_t difference_find(const struct leaves *have, const struct leaves *want, struct map *ret);

/* As map_print does. */
int difference_write(const struct map *ranges, const char *file, struct err *err);

#endif

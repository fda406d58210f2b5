/* SPDX-License-Identifier: MIT
 *
 * part: which leaves of a disk are read, where it is not all.
 */
#ifndef VMKEEP_MOVER_PART_H
#define VMKEEP_MOVER_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mover/map.h"
#include "storage/digest/leaves.h"
#include "storage/digest/sample.h"

struct part {
    struct sample sample;
    uint64_t seed;
    const char *only_file; /* NULL: no such limit */
    struct map only;       /* what it says */
};

bool part_is_whole(const struct part *p);
/* What only_file says. */
int part_read(struct part *p, struct err *err);
void part_done(struct part *p);

/* What is not in the part leaves the map, and counts in ret as what it should be. */
void part_take(const struct part *p, const struct leaves *want, struct map *map,
               struct leaves *ret);

#endif

/* SPDX-License-Identifier: MIT
 *
 * map_text: a map as text, as vmkeep-allocation prints it: a line "OFFSET LENGTH" for each run, in
 * bytes, in order, and at the end "total RUNS BYTES", which tells that nothing is missing.
 */
#ifndef VMKEEP_MOVER_MAP_TEXT_H
#define VMKEEP_MOVER_MAP_TEXT_H

#include <stdio.h>

#include "base/err.h"
#include "mover/map.h"

/* limit: so many runs at most (0: all); the total counts all. */
void map_print(const struct map *m, size_t limit, FILE *out);

/* What was printed without a limit; all of it is data.  ERR_CORRUPT, naming the line, for anything
 * else.  where: the file's name.  *ret: release with map_done, on failure too. */
int map_read(FILE *in, const char *where, struct map *ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * sample: which part of a disk a verification reads that does not read all of it.
 *
 * Groups of leaves, 1 MiB each, are dealt to n slices: of each n groups that follow one another,
 * every slice gets one, which one is drawn from the seed (the point and the disk).  So a slice is
 * spread over the disk, no two points have the same, and n slices, in whichever order, are all of
 * the disk.
 */
#ifndef VMKEEP_STORAGE_DIGEST_SAMPLE_H
#define VMKEEP_STORAGE_DIGEST_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_GROUP 16       /* leaves */
#define SAMPLE_SLICES_MAX 100 /* 1 % */

struct sample {
    uint32_t slice, slices; /* slices 0, 1: all of it */
    uint64_t from, to;      /* and of that what lies between these bytes; to 0: the end */
};

bool sample_is_whole(const struct sample *s);
/* Is that leaf of the disk in it?  seed: sample_seed. */
bool sample_has(const struct sample *s, uint64_t seed, uint64_t leaf);
uint64_t sample_seed(const char *point, const char *disk);

/* So many slices is a share of so many percent (1 to 100). */
uint32_t sample_slices(int percent);
/* Where nothing is known of the slices that were read before: one by the day. */
uint32_t sample_of_day(const char *point, int64_t now, uint32_t slices);

#endif

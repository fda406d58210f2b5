/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  What a merge does with one image of each of two points.
 */
#ifndef VMKEEP_STORAGE_MERGE_MERGE_IMAGES_H
#define VMKEEP_STORAGE_MERGE_MERGE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct image_merge {
    const char *below, *above; /* files; above stands on below */
    int below_fd;              /* of below, for its sync */
    bool again;                /* an interrupted merge has been at it */
    /* Percent of the blocks; also without news, twice a second. */
    void (*progress)(void *ctx, double percent);
    void *ctx;
};

/* What `above` holds is written into `below`, which gets its size; below is synced.  What is read
 * through `above` stays the same all the time. */
int image_merge(const struct image_merge *m, struct err *err);

#endif

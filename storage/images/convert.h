/* SPDX-License-Identifier: MIT
 *
 * convert: an image and all that it stands on into one that stands alone, by `qemu-img convert`.
 */
#ifndef VMKEEP_STORAGE_IMAGES_CONVERT_H
#define VMKEEP_STORAGE_IMAGES_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conversion {
    const char *source;          /* a qcow2 image */
    const char *target, *format; /* a file that is there; qcow2 or raw */
    bool filled;                 /* the target is an empty qcow2 image, perhaps an
                                                  * encrypted one, that is written into */
    bool top; /* of those: what the source holds itself, without what it stands on */
    /* The target is a file of ours, and what is written keeps its place in it although we are ended
     * in the middle: of a qcow2 image the tables are written as it grows, not at the end. */
    bool steady;
    uint64_t from, length; /* of those: only so much of an image that is there; length 0: all */
    bool stays_cached;     /* what is written is read back at once */
    uint64_t bandwidth;    /* bytes written a second; 0: no limit */
    bool (*progress)(void *ctx, double percent); /* at least twice a second; false ends it */
    void *ctx;
};

/* What is written is not synced.  Waits.  ERR_CANCELED when progress ended it; else as proc_run. */
int convert_image(const struct conversion *c, struct err *err);

#endif

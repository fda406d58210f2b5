/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  An image that shows nothing of what it stands on, in a part of the disk: a
 * merge is about to make what is below it larger, and an image further down may have something
 * there.
 */
#ifndef VMKEEP_STORAGE_MERGE_MERGE_SEAL_H
#define VMKEEP_STORAGE_MERGE_MERGE_SEAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/proc.h"

/* Of bytes from..to, which read as zeroes where `image` does not hold them, it holds all then,
 * durably.  What is read through it stays the same all the time. watch, ctx: as of image_run. */
int merge_seal(const char *image, uint64_t from, uint64_t to, proc_watch watch, void *ctx,
               struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * digest: the BLAKE3 digest of a file, which points of older versions have of each image, by the
 * program b3sum.
 */
#ifndef VMKEEP_STORAGE_DIGEST_DIGEST_H
#define VMKEEP_STORAGE_DIGEST_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* "blake3:HEX" of the file; path is absolute.  Caller frees.  Waits.
 * tick is told at least twice a second how many bytes have been read, about, and ends it
 * with ERR_CANCELED by returning false.  bandwidth: reads about so many bytes a second, in bursts
 * of some milliseconds; 0: as fast as it goes. */
int digest_file_watched(const char *path, uint64_t bandwidth,
                        bool (*tick)(void *ctx, uint64_t bytes), void *ctx, char **ret,
                        struct err *err);

#endif

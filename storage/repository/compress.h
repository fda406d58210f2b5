/* SPDX-License-Identifier: MIT
 *
 * compress: a finished image, written again with its clusters compressed (`qemu-img convert -c`).
 * It is done once the hypervisor has let go of the image, so that a guest never waits for a
 * compressor, and in one way for all drivers and modes; docs/decisions/compressed-when-finished.md.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_COMPRESS_H
#define VMKEEP_STORAGE_REPOSITORY_COMPRESS_H

#include "base/err.h"
#include "storage/repository/repository.h"

/* What is beside the image while it is done; one that is there is left from an interrupted run. */
#define COMPRESSING ".compressing"

struct compression {
    enum image_compression type;
    const char *backing; /* as in the image's header; NULL: it stands alone */
    uint64_t reserve;    /* bytes that stay free of the file system meanwhile */
    repository_alive alive;
    void (*progress)(void *ctx, double percent); /* may be NULL */
    void *ctx;
};

/* The image (absolute) is what it was, and smaller where that is possible: what does not become
 * smaller stays as it is in the new one.  The new image is synced before it takes the old one's
 * place, in one rename; the directory is not synced.  Waits.  Fails with the image untouched:
 * ERR_NOSPACE, there is no room for both; else as proc_run. */
int image_compress(const char *image, const struct compression *c, struct err *err);

/* Removes what an interrupted run has left. Fine if there is nothing. */
int image_compress_clean(const char *image, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * verify: are the images of a point what they were when they were published?
 */
#ifndef VMKEEP_STORAGE_VERIFY_VERIFY_H
#define VMKEEP_STORAGE_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"

struct verify_request {
    const char *path;               /* the repository */
    const struct point_list *chain; /* the point first, and all that it stands on */
    const char *disk;
    uint64_t bandwidth; /* bytes a second; 0: no limit */
    /* Told now and then how many bytes of the disk's images have been read; false ends it. */
    bool (*progress)(void *ctx, uint64_t done);
    void *ctx;
};

/* Reads every image of the disk, from the point's down to the one that stands alone, and compares
 * its digest with the one in its manifest; images without a digest are passed over.  Waits.
 * ERR_CORRUPT: an image holds other data than when it was published; *ret_bad is the point that it
 * belongs to, and the error names disk and file.  Other errors: ERR_NOTFOUND, ERR_IO, ERR_CANCELED;
 * *ret_bad is NULL then.  Caller frees *ret_bad. */
int verify_disk(const struct verify_request *r, char **ret_bad, struct err *err);

/* The same of one disk of a point, whose chain is read first. */
struct verify_point {
    const char *path; /* the repository */
    const char *point_id, *disk;
    uint64_t bandwidth;
    bool (*progress)(void *ctx, uint64_t done);
    void *ctx;
};

/* *ret_bytes is set before any image is read: what there will be to read. */
int verify_point_disk(const struct verify_point *v, uint64_t *ret_bytes, char **ret_bad,
                      struct err *err);

/* The bytes that verify_disk will read. */
uint64_t verify_bytes(const struct verify_request *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * bring: makes the images of a copy in the making (repository_prepare, which makes none of a copy)
 * from the point that it is a copy of, which lies in another repository.
 *
 * A disk that stands on a copy in the plan gets the point's own image, byte by byte, with another
 * name of its backing file: what has changed since the point below, on the copy of that point or of
 * a later one.  (What changed between the two is in the image as well, so it reads the same.)  A
 * disk that stands on nothing gets the image itself where that stands alone, too; else all that it
 * shows, in one.  Where the two repositories have not the same key, or one has none, the blocks are
 * read and written instead, the same of them.  That the result reads as the point does is proved
 * when the copy is published: its plan has the contents.
 *
 * The point is held (storage/repository/point_hold.h) meanwhile.  Waits.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_BRING_H
#define VMKEEP_STORAGE_REPOSITORY_BRING_H

#include <stdint.h>

#include "base/err.h"
#include "base/model.h"

struct bring_request {
    const char *path;         /* the repository that gets it */
    const struct point *plan; /* of the copy; copy_of names the point */
    const char *from;         /* the repository that has that */
    uint64_t bandwidth;       /* bytes a second; 0: no limit */
    uint64_t reserve;         /* bytes that stay free where it is written to */
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
    void *ctx;
};

/* Begins anew whatever an interrupted call has left. ERR_NOTFOUND, ERR_CORRUPT: the point is not
 * whole; ERR_BUSY: it is being merged or removed; ERR_NOSPACE. */
int repository_bring(const struct bring_request *r, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  salvage: what of a point's damaged data is elsewhere: in its domain's other
 * points, as the trees of digests tell, and in the domain's own disk, which is read there.
 */
#ifndef VMKEEP_STORAGE_VERIFY_SALVAGE_H
#define VMKEEP_STORAGE_VERIFY_SALVAGE_H

#include "base/model.h"
#include "storage/repository/content.h"

struct salvage {
    const char *path;          /* the repository */
    const struct point *point; /* that was read, */
    const char *disk;          /* of it, */
    const char *holder;        /* the point whose image is damaged: it, or one that it stands on */
    const struct content_range *ranges;
    size_t n;
    uint64_t bandwidth; /* bytes a second that are read of the domain's disk; 0: no limit */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total); /* false ends that; NULL: none */
    void *ctx;
};

/* Some sentences: whether the domain's disk still has the same data, which other points have it in
 * another image, which need the damaged one as well, and which later ones have other data there.
 * The domain may write meanwhile: what has the digest is the data.  NULL: none of that, or it
 * cannot be told.  Caller frees.  Waits. */
char *salvage_text(const struct salvage *s);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  salvage: what of a point's damaged data its domain's other points have, as
 * the trees of digests tell.  No image is read.
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
};

/* Some sentences: which other points have the same data in another image, which need the damaged
 * one as well, and which later ones have other data there.  NULL: there is no other, or it cannot
 * be told.  Caller frees.  Waits. */
char *salvage_text(const struct salvage *s);

#endif

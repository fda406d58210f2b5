/* SPDX-License-Identifier: MIT
 *
 * merged: merges that a catalog knows nothing of, for it was put back to an older state.  Pure.
 */
#ifndef VMKEEP_POLICIES_MERGED_H
#define VMKEEP_POLICIES_MERGED_H

#include "base/model.h"

/* A point `is` (its manifest) is to be believed when every disk of it stands on what the catalog's
 * `known` point of that id stands on by way of points that are `gone` (their directories are not
 * there, or they are being merged away): these were merged into it.  Any other change is no
 * merge's: a directory that was put back from elsewhere, say.  ret_into: ids of the points that
 * went into it, what it stood on itself first. */
bool merged_is_believed(const struct point_list *known, const struct point *is,
                        const struct strlist *gone, struct strlist *ret_into);

#endif

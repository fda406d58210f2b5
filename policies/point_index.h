/* SPDX-License-Identifier: MIT
 *
 * point_index: points by their ids, for who looks for many of them: a catalog may have a hundred
 * thousand.
 */
#ifndef VMKEEP_POLICIES_POINT_INDEX_H
#define VMKEEP_POLICIES_POINT_INDEX_H

#include "base/model.h"

struct point_index {
    const struct point_list *points;
    size_t *places; /* in the order of their ids */
};

/* As the list is now. */
void point_index_init(struct point_index *ix, const struct point_list *points);
void point_index_done(struct point_index *ix);
/* NULL: there is none, or id is NULL. */
const struct point *point_index_find(const struct point_index *ix, const char *id);

#endif

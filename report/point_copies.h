/* SPDX-License-Identifier: MIT
 *
 * point_copies: the copies of points, by what they are copies of, for who asks for those of each: a
 * catalog may have a hundred thousand points.
 */
#ifndef VMKEEP_REPORT_POINT_COPIES_H
#define VMKEEP_REPORT_POINT_COPIES_H

#include "base/model.h"

struct point_copies {
    const struct point **items; /* by copy_of, otherwise in the order of the list */
    size_t n, cap;
};

/* As the list is now; borrows its points. */
void point_copies_init(struct point_copies *c, const struct point_list *points);
void point_copies_done(struct point_copies *c);

/* The first of the copies of the point id; *ret_n: how many they are. */
const struct point *const *point_copies_of(const struct point_copies *c, const char *id,
                                           size_t *ret_n);

#endif

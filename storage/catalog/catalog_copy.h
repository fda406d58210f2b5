/* SPDX-License-Identifier: MIT
 *
 * What a copy job does, in the catalog: it makes one point after another, each planned before
 * anything of it is made. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_COPY_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_COPY_H

#include "storage/catalog/catalog.h"

/* The running job is about to make that copy: plan.copy_of says of which point.  It has not come as
 * far as publishing it. */
int catalog_copy_begin(struct catalog *c, int64_t job, const struct point *plan, struct err *err);

/* It is made: the point, and the job is at none, in one transaction. */
int catalog_copy_made(struct catalog *c, int64_t job, const struct point *p, struct err *err);

/* It was undone; debris: what could not be removed, as a point that is to go; NULL: nothing. */
int catalog_copy_given_up(struct catalog *c, int64_t job, const struct point *debris,
                          struct err *err);

/* The copies of such points that lie in the repository, oldest first. */
int catalog_copies_in(struct catalog *c, const char *host, const char *domain, const char *policy,
                      const char *repository, struct point_list *ret, struct err *err);

#endif

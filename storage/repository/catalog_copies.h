/* SPDX-License-Identifier: MIT
 *
 * Copies of catalogs in a repository: for the day on which the catalog itself is lost.
 *
 *   REPOSITORY/.catalogs/CATALOG-JOB.db
 *
 * CATALOG: the catalog's id, so that two daemons on one repository do not meet.  JOB: the number of
 * the last job that it knows of, so that the name alone tells which is the later one, and above
 * which number the next job has to be.  A file of that name is whole and synced; each needs nothing
 * beside it.  Of one catalog only the last stays.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_CATALOG_COPIES_H
#define VMKEEP_STORAGE_REPOSITORY_CATALOG_COPIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct catalog_copy_found {
    char *path;
    char id[9];
    int64_t job;
};

struct catalog_copies {
    struct catalog_copy_found *items;
    size_t n, cap;
};

void catalog_copies_done(struct catalog_copies *l);

/* In no order; none when the repository has none. Reads names only. */
int catalog_copies_list(const char *repository, struct catalog_copies *ret, struct err *err);

/* Puts the file `copy` there, durably, in place of older ones of that catalog.  ERR_EXISTS:
 * there is one of a later state, which stays. */
int catalog_copies_put(const char *repository, const char *copy, const char *id, int64_t job,
                       struct err *err);

#endif

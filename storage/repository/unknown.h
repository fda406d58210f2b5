/* SPDX-License-Identifier: MIT
 *
 * unknown: points that lie in a repository and that the catalog does not know.  Whose are they?
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_UNKNOWN_H
#define VMKEEP_STORAGE_REPOSITORY_UNKNOWN_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

enum unknown_whose {
    UNKNOWN_OURS,   /* in a directory of this catalog: it was put back to an older state */
    UNKNOWN_FORMER, /* of the catalog that lay under the same path before: that one was lost */
    UNKNOWN_STRAY,  /* made by another catalog, in a directory without owner */
};

struct unknown_point {
    enum unknown_whose whose;
    char *id;
    char *catalog;    /* that owns the directory, or made the point; NULL: not known */
    char *checkpoint; /* NULL: none, or its manifest cannot be read */
};

void unknown_point_done(struct unknown_point *p);

struct unknown {
    VEC(struct unknown_point) points;
    int64_t last_job; /* of this catalog, as its copies there say; 0: there is none */
};

void unknown_done(struct unknown *u);

/* The catalog that asks. */
struct unknown_asker {
    const char *id, *path;
};

/* ids: of published points.  Those that belong to another catalog elsewhere are left out.  Reads
 * their manifests and the directories' owners, and waits for it. */
int unknown_examine(const char *repository, const struct unknown_asker *asker,
                    const struct strlist *ids, struct unknown *ret, struct err *err);

#endif

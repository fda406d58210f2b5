/* SPDX-License-Identifier: MIT
 *
 * What store.h's operations are told and answer with, beside points. */
#ifndef VMKEEP_STORAGE_STORE_STORE_PARTS_H
#define VMKEEP_STORAGE_STORE_STORE_PARTS_H

#include <stdint.h>

#include "storage/places/places.h"
#include "storage/repository/repository.h"

struct store_space {
    uint64_t free, total;
    uint64_t scratch; /* free in the scratch directory that was asked for; UINT64_MAX: not known */
    char id[REPOSITORY_ID_MAX]; /* of the repository that is there */
    bool read_only;             /* its file system is */
    char remote[16];            /* its file system, when it is one of another machine: "nfs" */
};

/* A job's own scratch space; see storage/store/scratch.h. dir NULL: it has none. */
struct store_scratch {
    const char *dir, *tag;
    const struct owned_list *owned; /* for prepare: where none may be made; NULL: anywhere */
};

/* How a finished point is published; see struct publication. */
struct store_finish {
    enum image_compression compress;
    uint64_t reserve;
};

/* A copy of the catalog, for a repository to keep; see storage/repository/catalog_copies.h. */
struct store_catalog {
    const char *copy, *id;
    int64_t last_job;
};

#endif

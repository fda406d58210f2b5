/* SPDX-License-Identifier: MIT
 *
 * store: a repository as the scheduler sees it: asynchronous (base/op.h), each operation within a
 * time limit, so that a repository that hangs stops its own jobs and nothing else.  An interface,
 * so that simulations can stand in for it.  What each operation does, and how it fails: see
 * storage/repository.h.
 */
#ifndef VMKEEP_STORAGE_STORE_H
#define VMKEEP_STORAGE_STORE_H

#include "base/op.h"
#include "storage/repository.h"

struct ev_loop;
struct store;

struct store_space {
    uint64_t free, total;
};

struct store_ops {
    /* repository_open, then the space. */
    struct op *(*probe)(struct store *s, bool may_begin, struct store_space *ret, op_done done,
                        void *ctx, struct err *err);
    struct op *(*check_chain)(struct store *s, const char *point_id, op_done done, void *ctx,
                              struct err *err);
    struct op *(*prepare)(struct store *s, const struct point *plan,
                          const struct point_origin *origin, op_done done, void *ctx,
                          struct err *err);
    /* ret: released by the caller with point_done. */
    struct op *(*publish)(struct store *s, const struct point *plan, struct point *ret,
                          op_done done, void *ctx, struct err *err);
    struct op *(*remove)(struct store *s, const char *point_id, op_done done, void *ctx,
                         struct err *err);
    /* Where the hypervisor writes the disk's image of a point in the making. Caller frees. */
    char *(*target)(struct store *s, const struct point *plan, size_t disk);
    void (*free)(struct store *s);
};

/* Embedded first in every store's own struct. */
struct store {
    const struct store_ops *ops;
};

/* The one on disk. Does not touch the path yet. */
struct store *store_new(struct ev_loop *loop, const char *path);

#endif

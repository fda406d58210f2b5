/* SPDX-License-Identifier: MIT
 *
 * store: a repository as the scheduler sees it: asynchronous (base/op.h), each operation within a
 * time limit, so that a repository that hangs stops its own jobs and nothing else.  An interface,
 * so that simulations can stand in for it.  What each operation does, and how it fails: see
 * storage/repository/repository.h.
 */
#ifndef VMKEEP_STORAGE_STORE_STORE_H
#define VMKEEP_STORAGE_STORE_STORE_H

#include "base/op.h"
#include "storage/verify/proof.h"
#include "storage/repository/repository.h"
#include "storage/store/store_parts.h"
#include "storage/repository/survey.h"
#include "storage/repository/unknown.h"

struct ev_loop;
struct store;

/* What vmkeep-mover is to copy into the images of a point in the making. */
struct store_copy {
    const struct point *plan;
    char *const *sources; /* NBD URIs, one a disk of the plan, same order */
    char *const *bitmaps; /* an increment's dirty bitmaps; NULL: a full */
    uint64_t bandwidth;   /* bytes per second; 0: unlimited */
    const char *scratch;  /* directory that is watched meanwhile; NULL: none */
    /* Told now and then, from the loop. total grows while disks are looked at.  scratch: bytes that
     * are free there, as of a moment ago; UINT64_MAX: not known. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total, uint64_t scratch);
    void *progress_ctx;
};

/* What is to be merged; see storage/merge/merge.h. */
struct store_merge {
    const char *point, *into; /* ids; borrowed for the start */
    uint64_t reserve;         /* see struct merge_request */
    bool into_reserve;
    /* Told now and then, from the loop: bytes that are moved. May be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
};

/* What is to be read; see storage/verify/proof.h. */
struct store_proof {
    const char *point, *disk; /* borrowed for the start */
    struct sample sample;
    uint64_t bandwidth; /* bytes a second; 0: no limit */
    /* Told now and then, from the loop: bytes that are read. May be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
};

/* What a copy in the making is filled from; see storage/repository/bring.h. */
struct store_bring {
    const struct point *plan; /* borrowed for the start */
    struct store *from;       /* has the point that it is a copy of */
    uint64_t bandwidth;       /* bytes per second; 0: unlimited */
    uint64_t reserve;
    /* Told now and then, from the loop. May be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
};

struct store_ops {
    /* repository_identify, then the space; that of a scratch directory, too (NULL: none). */
    struct op *(*probe)(struct store *s, bool may_begin, const char *scratch,
                        struct store_space *ret, op_done done, void *ctx, struct err *err);
    /* See storage/repository/survey.h; scope is borrowed for the start.  ret: released by the
     * caller with survey_done. */
    struct op *(*survey)(struct store *s, const struct survey_scope *scope, struct survey *ret,
                         op_done done, void *ctx, struct err *err);
    /* See storage/repository/unknown.h; asker and ids are borrowed for the start.  ret: released
     * by the caller with unknown_done. */
    struct op *(*examine)(struct store *s, const struct unknown_asker *asker,
                          const struct strlist *ids, struct unknown *ret, op_done done, void *ctx,
                          struct err *err);
    /* catalog_copies_put.  NULL: this one keeps none. */
    struct op *(*keep_catalog)(struct store *s, const struct store_catalog *catalog, op_done done,
                               void *ctx, struct err *err);
    struct op *(*check_chain)(struct store *s, const char *point_id, op_done done, void *ctx,
                              struct err *err);
    /* Also makes the scratch space, of which it only warns when it cannot (the hypervisor tells);
     * but where it would be somebody else's place, that is the error. */
    struct op *(*prepare)(struct store *s, const struct point *plan,
                          const struct point_origin *origin, const struct store_scratch *scratch,
                          op_done done, void *ctx, struct err *err);
    /* Done when the images are complete. Moves nothing for 120 s: ERR_TIMEOUT. */
    struct op *(*copy)(struct store *s, const struct store_copy *copy, op_done done, void *ctx,
                       struct err *err);
    /* ret: released by the caller with point_done. Also removes the scratch space. */
    struct op *(*publish)(struct store *s, const struct point *plan,
                          const struct store_scratch *scratch, const struct store_finish *finish,
                          struct point *ret, op_done done, void *ctx, struct err *err);
    /* Also removes the scratch space. */
    struct op *(*discard)(struct store *s, const struct point *plan, enum point_made made,
                          const struct store_scratch *scratch, op_done done, void *ctx,
                          struct err *err);
    struct op *(*remove)(struct store *s, const char *point_id, op_done done, void *ctx,
                         struct err *err);
    /* repository_pin; pin is borrowed for the start. */
    struct op *(*pin)(struct store *s, const char *point_id, const struct point_pin *pin,
                      op_done done, void *ctx, struct err *err);
    /* repository_merge, with idle priority; a cancel leaves it to be called again. ret: the point
     * `into` as it is now, released by the caller with point_done. */
    struct op *(*merge)(struct store *s, const struct store_merge *what, struct point *ret,
                        op_done done, void *ctx, struct err *err);
    /* proof_take of one disk, with idle priority.  What it finds is the result, in *ret, released
     * by the caller with proof_done; the error is that of a repository that cannot be read. */
    struct op *(*prove)(struct store *s, const struct store_proof *what, struct proof *ret,
                        op_done done, void *ctx, struct err *err);
    /* repository_bring, with idle priority: between prepare and publish. */
    struct op *(*bring)(struct store *s, const struct store_bring *what, op_done done, void *ctx,
                        struct err *err);
    /* Where the hypervisor writes the disk's image of a point in the making. Caller frees. */
    char *(*target)(struct store *s, const struct point *plan, size_t disk);
    void (*free)(struct store *s);
};

/* Embedded first in every store's own struct. */
struct store {
    const struct store_ops *ops;
    /* Of the repository that must be there; "": any, it is not known yet. */
    char id[REPOSITORY_ID_MAX];
    /* The file of its key, and what the configuration calls that; borrowed from who has the store,
     * who may change them between two starts.  NULL: it is in clear text. */
    const char *secret, *key;
};

/* The one on disk, for who it is. Does not touch the path yet. */
struct store *store_new(struct ev_loop *loop, const char *path, const struct owner *self);

#endif

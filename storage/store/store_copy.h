/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  The copy of a pull: vmkeep-mover, once a disk, one after another. */
#ifndef VMKEEP_STORAGE_STORE_STORE_COPY_H
#define VMKEEP_STORAGE_STORE_STORE_COPY_H

#include "storage/store/store.h"

/* path: of the repository; key: the file of its key, or NULL.  What copy points to is borrowed
 * until this returns. */
struct op *store_copy_start(struct ev_loop *loop, const char *path, const char *key,
                            const struct store_copy *copy, op_done done, void *ctx,
                            struct err *err);

#endif

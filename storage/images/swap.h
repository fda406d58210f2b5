/* SPDX-License-Identifier: MIT
 *
 * swap: new images in the place of old ones, all of them or none.
 *
 * Each old image keeps a second name, IMAGE.before-restore, until all new ones are in place and
 * whoever asked for it is done.  So a crash at any moment leaves every old image under one of its
 * names, and swap_undo puts them back.  Waits; for commands.
 */
#ifndef VMKEEP_STORAGE_IMAGES_SWAP_H
#define VMKEEP_STORAGE_IMAGES_SWAP_H

#include "base/alloc.h"
#include "base/err.h"

struct swap {
    const char *image;  /* absolute; need not be there */
    const char *staged; /* what takes its place: on the same file system */
};

/* The name under which the old image stays.  Caller frees. */
char *swap_kept(const char *image);

/* Puts back what an interrupted swap has left of these images; how many were. */
int swap_undo(const struct swap *items, size_t n, size_t *ret_n, struct err *err);

/* The new ones get owner and mode of the old ones first.  ERR_EXISTS: an interrupted swap is to be
 * undone first.  On failure all old ones are back. */
int swap_run(const struct swap *items, size_t n, struct err *err);

/* The old images go. */
int swap_finish(const struct swap *items, size_t n, struct err *err);

#endif

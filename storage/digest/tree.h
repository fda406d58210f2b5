/* SPDX-License-Identifier: MIT
 *
 * tree: the file DISK.tree beside a point's image: the digests of a disk's leaves (64 KiB of what a
 * guest would read each) that the point changed.  storage/digest/leaves.h makes a disk's content
 * digest of them; docs/content-digests.md defines both for others.
 *
 * A tree is a list of runs of leaves, in order: leaves with a digest each, or leaves of zeroes,
 * which need none.  That of an image that stands alone is whole: a leaf that it does not list is
 * zeroes.  That of one that stands on another is a delta: a leaf that it does not list is as below
 * it.
 *
 * Disks grow and shrink.  A leaf is padded with zeroes, so growing changes no digest.  What a
 * smaller disk has cut off is gone for all that stands on it: a delta that is larger than what it
 * stands on reads zeroes behind the end of that, whatever lies further down.  The last leaf of a
 * disk that has become smaller is always listed, because the cut may go through it.  tree_absorb
 * keeps all that.
 */
#ifndef VMKEEP_STORAGE_DIGEST_TREE_H
#define VMKEEP_STORAGE_DIGEST_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

#define TREE_LEAF UINT64_C(65536)
#define TREE_DIGEST 32
#define TREE_CAPACITY_MAX (UINT64_C(1) << 50) /* 1 PiB */

struct tree_run {
    uint64_t first, count; /* leaves */
    bool zero;             /* they have no digests */
};

struct tree {
    uint64_t capacity; /* of the disk, in bytes */
    bool delta;
    unsigned char content[TREE_DIGEST]; /* of the disk as of this point */
    unsigned char below[TREE_DIGEST];   /* delta: of the disk as of what it stands on */
    VEC(struct tree_run) runs;
    unsigned char (*digests)[TREE_DIGEST]; /* of all runs that are not zero, in order */
    size_t n, cap;
};

void tree_done(struct tree *t);

/* How many leaves a disk has. */
uint64_t tree_leaves(uint64_t capacity);

bool tree_is_zero(const unsigned char *digest); /* all 32 bytes: what a leaf of zeroes has */

/* The next leaf, behind all that are there; tree_add_zeroes: the next ones.  Leaves behind the end
 * of the disk are dropped. */
void tree_add(struct tree *t, uint64_t leaf, const unsigned char *digest);
void tree_add_zeroes(struct tree *t, uint64_t first, uint64_t count);

/* The merge of an image with the one that it stands on: child's tree becomes that of an image that
 * holds what both held, and stands on what parent stood on; its content is the same as before.  A
 * child that is whole (what it stands on had no tree) stays as it is.
 * ERR_CORRUPT, and child unchanged: child does not stand on that parent. */
int tree_absorb(struct tree *child, const struct tree *parent, struct err *err);

/* The file's name, from that of the image: "vda.qcow2" -> "vda.tree".  Caller frees. */
char *tree_file_name(const char *image);

/* path: of the tree file.  ERR_NOTFOUND: there is none; ERR_CORRUPT: it is damaged, in whichever
 * way; the error names it.  *ret is to be freed with tree_done.  Waits. */
int tree_read(const char *path, struct tree *ret, struct err *err);

/* Durably, in place of one that is there; all of it or nothing.  Waits. */
int tree_write(const char *path, const struct tree *t, struct err *err);

/* The file as bytes; caller frees what tree_format returns. */
unsigned char *tree_format(const struct tree *t, size_t *ret_len);
int tree_parse(const unsigned char *data, size_t len, struct tree *ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * leaves: the digests of all leaves of one disk as of one point, and its content digest.
 *
 * The content digest is of what a guest would read, whatever holds it.  Leaves of 64 KiB (the last
 * one padded with zeroes) have their SHA-256, or 32 zero bytes where all of the leaf is zeroes.
 * 1024 of them make a node, 1024 nodes one of the next level, until there is one: its digest is
 * the SHA-256 of its children's digests, or 32 zero bytes where all these are.  The content is the
 * SHA-256 of "vmkeep content 1", the capacity (8 bytes, big endian) and the last node's digest.
 */
#ifndef VMKEEP_STORAGE_DIGEST_LEAVES_H
#define VMKEEP_STORAGE_DIGEST_LEAVES_H

#include "storage/digest/tree.h"

#define LEAVES_NODE 1024

/* What a content digest begins with; 64 hexadecimal digits follow. */
#define CONTENT_PREFIX "sha256-tree:"

struct leaves {
    uint64_t capacity, n;
    unsigned char **nodes; /* digests of LEAVES_NODE leaves each; NULL: all are zeroes */
};

void leaves_done(struct leaves *l);

/* From now on the disk has that size; what is cut off is gone, what is new is zeroes. */
void leaves_resize(struct leaves *l, uint64_t capacity);

/* 32 bytes; of a leaf that there is.  Borrowed. */
const unsigned char *leaves_get(const struct leaves *l, uint64_t leaf);
void leaves_set(struct leaves *l, uint64_t leaf, const unsigned char *digest);

/* Lays a tree over what is there, from the lowest on.  Does not look at the contents it names. */
void leaves_lay(struct leaves *l, const struct tree *t);

/* The digest of one leaf.  data: TREE_LEAF bytes. */
void leaf_digest(const unsigned char *data, unsigned char ret[TREE_DIGEST]);

void leaves_content(const struct leaves *l, unsigned char ret[TREE_DIGEST]);

/* CONTENT_PREFIX and 64 digits; caller frees. */
char *content_text(const unsigned char content[TREE_DIGEST]);
/* -1: it is none. */
int content_parse(const char *text, unsigned char ret[TREE_DIGEST]);

#endif

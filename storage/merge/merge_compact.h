/* SPDX-License-Identifier: MIT
 *
 * Private to storage/.  A merge writes clusters that were compressed as they are, and the room of
 * the compressed ones is used again only in part: so a merged image is compressed anew, when that
 * pays.
 */
#ifndef VMKEEP_STORAGE_MERGE_MERGE_COMPACT_H
#define VMKEEP_STORAGE_MERGE_MERGE_COMPACT_H

#include <stdbool.h>

#include "storage/repository/compress.h"

/* Is it worth that?  All of the image is read and written for it: it is when clusters that were not
 * left uncompressed by the last time make up a quarter of its file. loose: how many those were
 * (struct point_disk). */
int merge_compact_pays(const char *image, uint64_t loose, bool *ret, struct err *err);

/* As image_compress, c->backing aside: the image stays on what it stands on.  *ret_loose: clusters
 * that are not compressed then, for they become no smaller. */
int merge_compact(const char *image, const struct compression *c, uint64_t *ret_loose,
                  struct err *err);

#endif

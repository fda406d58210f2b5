/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/store.  What tells a file from every other: a text to be compared and shown.
 *
 * It is a file's inode and when that was born: a copy, or a file that took its place, has others,
 * and a file that is moved within its file system keeps them.  Device numbers are left out, for
 * they may change with the order in which things are mounted, except where a file system tells no
 * birth. */
#ifndef VMKEEP_HELPERS_STORE_IDENTITY_H
#define VMKEEP_HELPERS_STORE_IDENTITY_H

#include <sys/stat.h>

/* st: with STATX_BASIC_STATS and STATX_BTIME asked for.  Caller frees. */
char *identity_of(const struct statx *st);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  What tells an image from every other: a text to be compared and shown.
 *
 * Of a file it is its inode and when that was born: a copy, or a file that took its place, has
 * others, and a file that is moved within its file system keeps them.  Device numbers are left
 * out, for they may change with the order in which things are mounted, except where a file
 * system tells no birth. */
#ifndef VMKEEP_ENGINE_QMP_IDENTITY_H
#define VMKEEP_ENGINE_QMP_IDENTITY_H

#include <sys/types.h>

/* pid: the process that has it open, which may have another one of that path open than lies
 * there now; 0: none. NULL when it cannot be told.  Caller frees. */
char *identity_of_file(const char *path, pid_t pid);

/* Of what is behind a network: its address, without what may be secret in it.  Caller frees. */
char *identity_of_url(const char *url);

#endif

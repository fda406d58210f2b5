/* SPDX-License-Identifier: MIT
 *
 * tree_files: files below a directory that somebody else has filled: a guest's.  A path is resolved
 * as if that directory were the root, its symbolic links too, so that none leads out of it.
 */
#ifndef VMKEEP_CLI_TREE_FILES_H
#define VMKEEP_CLI_TREE_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* As open(2); flags without O_CREAT.  *ret_fd is the caller's. */
int tree_open(int root, const char *path, int flags, int *ret_fd, struct err *err);

/* What is in a directory, or the one file, by name; hidden ones, too, but not "." and "..". */
int tree_list_text(int root, const char *path, FILE *out, struct err *err);
/* An array of {name, type, mode, uid, gid, size, modified, target}. */
int tree_list_json(int root, const char *path, json_t **ret, struct err *err);

/* A regular file's bytes.  ERR_CANCELED when interrupted. */
int tree_cat(int root, const char *path, int out, struct err *err);

struct tree_copied {
    uint64_t files, directories, links, bytes;
    uint64_t skipped; /* sockets, devices and the like */
};

/* Copies it, a directory with all that is in it, to `to`, with modes (without setuid) and times.
 * What is there is replaced if force is set, a directory's files one by one; else nothing is
 * overwritten (ERR_EXISTS), and on failure what was made is removed. */
int tree_copy(int root, const char *path, const char *to, bool force, struct tree_copied *ret,
              struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * fsutil: small, durable file operations.  All of them block for as long as the file system does;
 * on the loop they are for small files and single directories only.
 */
#ifndef VMKEEP_BASE_FSUTIL_H
#define VMKEEP_BASE_FSUTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Creates path and what is missing above it, each with the mode, whatever the umask (of which 022
 * counts). Existing directories are fine. */
int mkdir_all(const char *path, mode_t mode, struct err *err);

/* A directory that we have made is the hypervisor's user's, too: as root it is given away; else it
 * is the group's, if we are in that.  If we are not it stays ours alone, and that is no error. */
int share_dir(const char *path, uid_t uid, gid_t gid, struct err *err);

/* Are we in that group, or root? */
bool is_in_group(gid_t gid);

/* fsync of a directory, so that names in it last. */
int sync_dir(const char *path, struct err *err);

/* Writes path.tmp, syncs it, renames it to path, syncs the directory. */
int write_file_durably(const char *path, const void *data, size_t len, mode_t mode,
                       struct err *err);

/* A file `name` in dir (where: its full name, for errors) with all of data in it, or none;
 * durably. create_file_at never replaces one that is there: ERR_EXISTS, and of many that try at
 * once exactly one makes it. */
int create_file_at(int dir, const char *name, const char *where, const void *data, size_t len,
                   mode_t mode, struct err *err);
int replace_file_at(int dir, const char *name, const char *where, const void *data, size_t len,
                    mode_t mode, struct err *err);

/* The whole file, NUL-terminated, not larger than max bytes (ERR_INVALID). Caller frees.
 * ret_len may be NULL. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err);

/* rename(2), then sync of the directory that holds `to`. */
int rename_durably(const char *from, const char *to, struct err *err);

/* The same, but never over what is there: ERR_EXISTS. */
int rename_new(const char *from, const char *to, struct err *err);

/* The part of path before the last slash: "." for a bare name, "/" for the root. Caller frees. */
char *path_dirname(const char *path);

/* From the root, without slashes at its end; nothing is looked at. Caller frees. */
char *path_absolute(const char *path);

bool path_exists(const char *path);

/* The name of the file system that path is on, should it be one of those behind which there is
 * another machine, or another program, that may be slow, or away: "nfs"; NULL: a local one, or it
 * cannot be told.  May wait for it. */
const char *path_remote(const char *path);

/* Appends what opens the directory of path to what vmkeepd starts, should its unit close it. */
void explain_closed(const char *path, struct err *err);
/* By errno; where a file system takes no writes, what to do.  For what a daemon under systemd
 * makes.  Returns -1. */
int cannot_create(const char *path, struct err *err);

#endif

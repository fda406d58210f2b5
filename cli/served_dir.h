/* SPDX-License-Identifier: MIT
 *
 * served_dir: the private directory of a command that serves or mounts a point, below
 * XDG_RUNTIME_DIR, TMPDIR, /run (for root) or /tmp.  It is locked for as long as the command lives.
 */
#ifndef VMKEEP_CLI_SERVED_DIR_H
#define VMKEEP_CLI_SERVED_DIR_H

#include "base/err.h"

/* Removes those whose commands were killed, and makes one.  Caller frees *ret_dir. */
int served_dir_make(char **ret_dir, int *ret_lock, struct err *err);

/* Unmounts what is mounted on names in it, removes the names, which are no directories that hold
 * anything, and then itself; closes the lock. */
void served_dir_remove(const char *dir, int lock);

#endif

/* SPDX-License-Identifier: MIT
 *
 * locked_dir: a private directory of a process, for names that must not outlive it.  It is locked
 * for as long as the process lives; what one that was killed has left the next one removes.
 */
#ifndef VMKEEP_BASE_LOCKED_DIR_H
#define VMKEEP_BASE_LOCKED_DIR_H

#include "base/err.h"

/* Removes, by `discard`, those directories in `base` that are called `prefix` and something, are
 * ours and nobody has locked; then makes one, of mode 0700.  Caller frees *ret_dir, and ends by
 * discarding it and closing *ret_lock. */
int locked_dir_make(const char *base, const char *prefix, void (*discard)(const char *dir),
                    char **ret_dir, int *ret_lock, struct err *err);

#endif

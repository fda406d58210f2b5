/* SPDX-License-Identifier: MIT
 *
 * restore_staged: directories beside images, in which a restore writes the new ones before it
 * swaps them in.  Each is held by a lock for as long as its restore lives: one that nobody holds
 * was left by one that was killed.  Waits; for commands.
 */
#ifndef VMKEEP_STORAGE_RESTORE_RESTORE_STAGED_H
#define VMKEEP_STORAGE_RESTORE_RESTORE_STAGED_H

#include <stddef.h>

#include "base/err.h"

#define RESTORE_STAGED ".vmkeep-restore" /* "-XXXXXX": mkdtemp's */

/* The lock on such a directory, to be closed; -1 and errno: another has it, or it is gone. */
int restore_staged_hold(const char *dir);

/* Removes, with what is in them, those in `above` that are ours (the user's) and nobody holds; how
 * many. */
int restore_staged_clear(const char *above, size_t *ret_n, struct err *err);

#endif

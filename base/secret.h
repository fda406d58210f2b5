/* SPDX-License-Identifier: MIT
 *
 * secret: files that nobody but who uses them may read.
 */
#ifndef VMKEEP_BASE_SECRET_H
#define VMKEEP_BASE_SECRET_H

#include <sys/types.h>

#include "base/err.h"

/* Its text, without the end of its last line.  ERR_DENIED: others than root and us may read or
 * change it. Caller frees. */
int secret_read(const char *path, char **ret, struct err *err);

/* The same complaints, of a file that is user's to read; one that we may not open is taken to be
 * right. */
int secret_check(const char *path, uid_t user, struct err *err);

#endif

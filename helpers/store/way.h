/* SPDX-License-Identifier: MIT
 *
 * way: may another user get at a file?  By the rights of the directories above it, which is what
 * most of them fail at; nobody needs to become that user.
 */
#ifndef VMKEEP_HELPERS_STORE_WAY_H
#define VMKEEP_HELPERS_STORE_WAY_H

#include <sys/types.h>

#include "base/err.h"

/* ERR_DENIED names the directory that the user may not pass through.  One that has an ACL is
 * passed over: it is not judged. */
int way_is_free(const char *path, uid_t uid, gid_t gid, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * way: may another user get at a file?  By the rights of the directories above it, which is what
 * most of them fail at; nobody needs to become that user.
 */
#ifndef VMKEEP_BASE_WAY_H
#define VMKEEP_BASE_WAY_H

#include <sys/types.h>

#include "base/err.h"

/* ERR_DENIED names the first directory, from the root, that the user may not pass through, and the
 * command that opens all those.  One that has an ACL is passed over: it is not judged. */
int way_is_free(const char *path, uid_t uid, gid_t gid, struct err *err);

/* The same of a path whose end need not be there yet: what is there of it is judged. */
int way_will_be_free(const char *path, uid_t uid, gid_t gid, struct err *err);

/* "libvirt-qemu (64055)", or "64055" of one without a name.  Caller frees. */
char *user_text(uid_t uid);

#endif

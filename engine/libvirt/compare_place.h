/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  The directory of the socket and the scratch files of a job that
 * compares, by which it is known.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_COMPARE_PLACE_H
#define VMKEEP_ENGINE_LIBVIRT_COMPARE_PLACE_H

#include <sys/types.h>

#include "base/err.h"

/* Its directory, which one other than QEMU's user has no way into, and anew.  Caller frees. */
char *libvirt_compare_make(const char *uuid, const char *tag, uid_t uid, gid_t gid,
                           struct err *err);
/* Where QEMU is to listen; dir: what libvirt_compare_make gave.  Caller frees. */
char *libvirt_compare_socket(const char *dir, const char *domain, uid_t uid);
/* With all that is in it.  Fine when it is not there. */
void libvirt_compare_remove(const char *uuid, const char *tag);
/* The tag of the one that has its first scratch file there; NULL: it is another job's place, or
 * NULL.  Caller frees. */
char *libvirt_compare_tag(const char *place);

#endif

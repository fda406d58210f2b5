/* SPDX-License-Identifier: MIT
 *
 * beside: what belongs to a domain besides its disks and its document: UEFI variables and the state
 * of an emulated TPM, which a point holds copies of, and the kernel and initrd that libvirt boots
 * it from, of which it holds where they were, and digests.
 *
 * beside.json, in the point's directory, lists all that, and what could not be had, with the
 * reason.  Disks are copied as of one instant; these files are read a moment before it.  When the
 * point is published they are looked at again: one that nobody has written to meanwhile was the
 * same at the instant, and the list says so.
 */
#ifndef VMKEEP_STORAGE_IMAGES_BESIDE_H
#define VMKEEP_STORAGE_IMAGES_BESIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/model.h"

#define BESIDE_LIST "beside.json"

/* What they are. */
#define BESIDE_NVRAM "UEFI variables"
#define BESIDE_TPM "TPM state"
#define BESIDE_KERNEL "kernel"
#define BESIDE_INITRD "initrd"
#define BESIDE_SECRETS "secrets" /* of the document; lacking only */

struct beside {
    char *what;
    char *path;   /* where it was, on the hypervisor's machine; NULL: nowhere */
    char *file;   /* its copy, in the point's directory; NULL: there is none */
    char *digest; /* "sha256:HEX"; NULL: it could not be read */
    char *lacks;  /* why it is not in the point; NULL: it is */
    bool steady;  /* the same at the disks' instant */
    uint64_t bytes;
    int64_t inode, changed_ns; /* of `path` as it was read; changed: since the epoch */
};

struct beside_list {
    VEC(struct beside) beside;
};

/* Into the directory, which nobody else writes to: the files of l, and the list of what is beside,
 * if there is something.  What cannot be read is in the list, and no error. */
int beside_write(const char *dir, const struct definition_list *l, struct err *err);

/* Once the disks' copies are complete: says in the directory's list what was steady. */
int beside_settle(const char *dir, struct err *err);

/* Of a point's directory; one that has no list lists nothing. */
int beside_read(const char *dir, struct beside_list *ret, struct err *err);
void beside_done(struct beside_list *l);

/* "sha256:HEX" of a regular file, wherever its name leads. *ret: caller frees. */
int beside_digest(const char *path, char **ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * qcow2: what an image's header says, read without a program and without following anything that
 * it names.  Big-endian; the format is QEMU's docs/interop/qcow2.txt.
 */
#ifndef VMKEEP_STORAGE_IMAGES_QCOW2_H
#define VMKEEP_STORAGE_IMAGES_QCOW2_H

#include <stdint.h>

#include "base/err.h"

struct qcow2_header {
    uint64_t capacity;
    char *backing;        /* file name as written; NULL: stands alone */
    char *backing_format; /* NULL: not recorded */
};

/* where: the file's name, for errors.  ERR_CORRUPT: not a qcow2 image, or one marked corrupt;
 * ERR_UNSUPPORTED: its data are in another file.  ret: release with qcow2_header_done. */
int qcow2_read_header(int fd, const char *where, struct qcow2_header *ret, struct err *err);
void qcow2_header_done(struct qcow2_header *h);

#endif

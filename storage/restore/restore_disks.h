/* SPDX-License-Identifier: MIT
 *
 * Private to storage/restore*: the disks of a restore, several at a time: each has a thread of its
 * own, which waits for the programs that write its image and read it back.
 */
#ifndef VMKEEP_STORAGE_RESTORE_RESTORE_DISKS_H
#define VMKEEP_STORAGE_RESTORE_RESTORE_DISKS_H

#include "storage/restore/restore_disk.h"

struct restore_disks {
    struct restore_disk *items;
    size_t n, at_once;
    /* Told how much is done of restore_disks_work, and of which disks ("vda, vdb"); never by two at
     * once.  false ends it. */
    bool (*progress)(void *ctx, const char *names, bool checking, uint64_t done);
    void *ctx;
};

/* How many bytes are gone through, each as often as it is. */
uint64_t restore_disks_work(const struct restore_disks *w);

/* When one fails, the others are ended; the error is that of the first. */
int restore_disks_write(struct restore_disks *w, struct err *err);

#endif

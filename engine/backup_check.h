/* SPDX-License-Identifier: MIT
 *
 * backup_check: what every driver refuses, in the same words: a request that is in disorder by
 * itself, and one that does not fit the domain, or what lies where it is to write.
 */
#ifndef VMKEEP_ENGINE_BACKUP_CHECK_H
#define VMKEEP_ENGINE_BACKUP_CHECK_H

#include "base/advice.h"
#include "base/files.h"
#include "engine/hypervisor.h"

/* Why no guest is frozen that was never heard to be thawed. */
#define BACKUP_THAW_OWED                                                                           \
    "the guest agent has not confirmed the thaw of an earlier backup: " ADVICE_THAW

/* Before anything is asked. */
int backup_check_request(const struct backup_request *request, struct err *err);

/* Can an increment be based on that checkpoint of the disk? */
int backup_check_base(const struct disk_facts *disk, const char *base, struct err *err);
/* Can the disk take in a new checkpoint of that name? */
int backup_check_track(const struct disk_facts *disk, const char *checkpoint, struct err *err);

/* A place (of a file, or a device) of a disk of so many bytes, and what was found there. */
struct backup_place_check {
    const char *disk, *what; /* "target", "scratch" */
    const struct backup_place *place;
    const char *format;
    uint64_t capacity;
    bool reuse_external;
};
/* *ret_device: it is a block device, whatever the place says. */
int backup_check_place(const struct backup_place_check *c, const struct file_fact *found,
                       bool *ret_device, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * restore: a point's disks out of a repository into plain images that stand alone, through
 * `qemu-img convert`.  Needs no daemon, no hypervisor and no catalog.  Waits; for commands.
 */
#ifndef VMKEEP_STORAGE_RESTORE_H
#define VMKEEP_STORAGE_RESTORE_H

#include "base/err.h"
#include "base/model.h"

struct restore_request {
    const char *repository; /* path */
    const char *point_id;
    const char *to;              /* directory; created; must not hold the files yet */
    const char *format;          /* "qcow2" or "raw" */
    const struct strlist *disks; /* names; none: all */
    uint64_t bandwidth;          /* bytes a second, read for digests and written; 0: no limit */
    bool dry_run;                /* fills the result, writes nothing, reads no data */
    bool no_verify;              /* neither digests nor lengths of the images are held against their
                                  * manifests: what QEMU can read of them is written */
    /* Called now and then; fraction of all bytes that are read and written, 0..1; may be NULL.
     * checking: the disk's images are read for their digests.  Returning false cancels. */
    bool (*progress)(void *ctx, const char *disk, bool checking, double fraction);
    void *ctx;
};

struct restored_disk {
    char *name, *path;        /* the file written */
    uint64_t capacity, bytes; /* bytes: allocated; of a dry run, what it will be about */
};

struct restore_result {
    struct point point; /* from its manifest */
    VEC(struct restored_disk) disks;
    char *definition;   /* file written: domain.xml as the point has it, or qemu.sh (see
                         * storage/qemu_script.h); NULL: none, as when a disk was left out */
    struct strlist odd; /* with no_verify: images of another length than published, a sentence each;
                         * what they lack reads as zeroes */
    char *bad_point;    /* on failure with ERR_CORRUPT: the point whose image was found damaged, the
                       * one asked for or one that it stands on; NULL: another reason */
};

/* Checks the chain, files in the way, the space and the digests of all images that will be read
 * before it writes anything.  Each image is written as NAME.EXT.partial-XXXXXX, synced, and
 * renamed; the definition goes along (one of the same text that is there already stays).  On
 * failure what this call made is removed again, and of ret only bad_point is set. ERR_NOTFOUND:
 * point or disk; ERR_EXISTS: a file is in the way; ERR_NOSPACE; ERR_BUSY: another restore is
 * writing there, or the point is being removed; ERR_CANCELED. */
int restore_run(const struct restore_request *r, struct restore_result *ret, struct err *err);
void restore_result_done(struct restore_result *r);

#endif

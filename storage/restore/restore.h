/* SPDX-License-Identifier: MIT
 *
 * restore: a point's disks out of a repository into plain images that stand alone, through
 * `qemu-img convert`.  Needs no daemon, no hypervisor and no catalog.  Waits; for commands.
 */
#ifndef VMKEEP_STORAGE_RESTORE_RESTORE_H
#define VMKEEP_STORAGE_RESTORE_RESTORE_H

#include "base/err.h"
#include "base/model.h"

struct restore_request {
    const char *repository; /* path */
    const char *point_id;
    const char *to;              /* directory; created; must not hold the files yet */
    const char *prefix;          /* of the files' names in it; NULL: none */
    bool entered_by_all;         /* if it is made, others may pass; so it is with a domain.xml */
    const char *format;          /* "qcow2" or "raw" */
    const struct strlist *disks; /* names; none: all */
    bool images_only;            /* no definition is made */
    /* Of a libvirt domain's definition: its new name (NULL: as it was); whether it is the domain
     * itself, with its UUID and addresses (storage/definition/definition.h). */
    const char *name;
    bool same_identity;
    uint64_t bandwidth; /* bytes a second, read for digests and written; 0: no limit */
    bool dry_run;       /* fills the result, writes nothing, reads no data */
    bool force;     /* files that are in the way are replaced, once what replaces them is whole */
    bool resumable; /* what a cancel leaves half written stays, where it can be gone on with */
    bool no_verify; /* neither digests nor lengths of the images are held against their
                                  * manifests: what QEMU can read of them is written */
    /* Called now and then; may be NULL.  done, all: bytes, those that are read for digests and
     * those that are written.  checking: the disk's images are read for their digests.  Returning
     * false cancels. */
    bool (*progress)(void *ctx, const char *disk, bool checking, uint64_t done, uint64_t all);
    void *ctx;
};

struct restored_disk {
    char *name, *path;        /* the file written */
    uint64_t capacity, bytes; /* bytes: allocated; of a dry run, what it will be about */
    uint64_t
        kept; /* what an earlier restore, which was interrupted, had written of it, and right */
};

struct restore_result {
    struct point point; /* from its manifest */
    VEC(struct restored_disk) disks;
    char *definition;     /* file written: domain.xml for the restored disks (see
                         * storage/definition/definition.h), or qemu.sh (see
                         * storage/definition/qemu_script.h); NULL: none, as when a disk was left
                         * out */
    char *text;           /* what is in it */
    char *name;           /* the domain's in domain.xml; NULL: there is none */
    struct strlist notes; /* what domain.xml has otherwise than what ran, a line each */
    struct strlist lacks; /* what this machine lacks for it to start: a line each, in notes too */
    char *tpm;            /* file written: the state of its emulated TPM; NULL: there is none */
    char *tpm_from, *tpm_was; /* what it is a copy of; where that was, below its UUID */
    struct strlist odd; /* with no_verify: images of another length than published, a sentence each;
                         * what they lack reads as zeroes */
    struct strlist stay; /* when canceled: the files that the next restore goes on with */
    char *bad_point; /* on failure with ERR_CORRUPT: the point whose image was found damaged, the
                       * one asked for or one that it stands on; NULL: another reason */
};

/* Checks the chain, files in the way, the space and the digests of image files (points of older
 * versions) before it writes anything.  The images are written several at a time (with a bandwidth:
 * one after the other), each as NAME.EXT.partial-XXX, synced, read back and compared with the
 * point's content digest.  When all are whole they are renamed; the definition comes last (one of
 * the same text that is there already stays).  On failure what this call made is removed again, and
 * of ret only bad_point and stay are set.  What one that was killed, or canceled and resumable, has
 * written of an image is gone on with (storage/restore/restore_disk.h).
 *
 * ERR_NOTFOUND: point or disk; ERR_EXISTS: a file is in the way; ERR_NOSPACE; ERR_BUSY: another
 * restore is writing there, a program has open what is in the way, or the point is being removed;
 * ERR_CANCELED. */
int restore_run(const struct restore_request *r, struct restore_result *ret, struct err *err);
void restore_result_done(struct restore_result *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * backup_document: a backup as somebody has asked for it, who may have left things out; complete,
 * it is a struct backup_request.  It is read from XML by engine/xml/backup_xml.h.
 */
#ifndef VMKEEP_ENGINE_BACKUP_DOCUMENT_H
#define VMKEEP_ENGINE_BACKUP_DOCUMENT_H

#include "base/cleanup.h"
#include "base/err.h"
#include "engine/hypervisor.h"

/* What struct backup_disk cannot say of a <disk>. */
struct backup_document_disk {
    bool takes_part; /* not backup='no' */
};

/* The document owns all strings of its request. request.tag, .domain, .checkpoint, .quiesce,
 * .reuse_external, .bandwidth and .scratch are not part of the written form: the caller sets them
 * (borrowed).
 *
 * Once parsed, what is written is settled as far as it can be without the domain: a disk's base
 * is its own incremental='' or else that of <incremental>, unless it says backupmode='full'; its
 * format is that of <driver>, or qcow2 (raw on an NBD server); a TCP server's host is localhost.
 * A place that is left out is PLACE_NONE until complete. */
struct backup_document {
    struct backup_request request;          /* .disks: those that take part; all_disks: none yet */
    char *incremental;                      /* <incremental>, for all disks; NULL: none */
    bool all_disks;                         /* there was no <disks> */
    VEC(struct backup_disk) disks;          /* all that are written, also those with backup='no' */
    VEC(struct backup_document_disk) marks; /* one a disk, same order */
    VEC(struct backup_disk) taking_part;    /* request.disks */
    struct strlist names;                   /* request.listed */
    struct strlist strings;                 /* the arena */
};

void backup_document_free(struct backup_document *d); /* NULL-safe */
DEFINE_FREEP(struct backup_document, backup_document_free)

/* What a document that leaves names out gets. */
struct backup_defaults {
    int64_t now; /* file names: IMAGE.SECONDS, as libvirt makes them */
    /* Pull: scratch files are made there, as [DOMAIN.]DISK.SECONDS, not beside the image; NULL:
     * beside. */
    const char *scratch_dir;
};

/* Are all its disks there?  ERR_NOTFOUND: one is not.  backup_document_complete asks it too. */
int backup_document_check_disks(const struct backup_document *d, const struct domain_facts *facts,
                                struct err *err);

/* Checks the document against what the domain has, and fills in everything: disks (all when
 * there is no <disks>), modes, bases, file names beside the images, formats, export and bitmap
 * names, index. It does not look at the places: whose they are, and whether something is there,
 * is for the caller to see.  Set request.reuse_external before. checkpoint: the names of the
 * disks that a checkpoint begun with it tracks (NULL: none is). Errors: ERR_NOTFOUND (disk,
 * checkpoint), ERR_UNSUPPORTED (format cannot hold a bitmap), ERR_CORRUPT (bitmap inconsistent,
 * or not recording), ERR_INVALID (a place that cannot be). Afterwards the request is fit for
 * backup_begin; after an error the document is good for nothing. */
int backup_document_complete(struct backup_document *d, const struct domain_facts *facts,
                             const struct strlist *checkpoint,
                             const struct backup_defaults *defaults, struct err *err);

#endif

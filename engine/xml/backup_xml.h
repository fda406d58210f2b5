/* SPDX-License-Identifier: MIT
 *
 * backup_xml: struct backup_request's written form, libvirt's <domainbackup> (formatbackup.html of
 * libvirt-doc, schema domainbackup.rng).  Beyond libvirt: a push target may be an NBD server,
 * <disk type='network'><target protocol='nbd' ...>, written like a domain's network disk.
 *
 * What is not supported is refused by name, never ignored; every error names element, attribute and
 * value.  No network, no entities, bounded size and depth.
 */
#ifndef VMKEEP_ENGINE_BACKUP_XML_H
#define VMKEEP_ENGINE_BACKUP_XML_H

#include "base/cleanup.h"
#include "base/err.h"
#include "engine/hypervisor.h"

#define DOCUMENT_MAX ((size_t)256 << 10) /* bytes; a larger one is refused */

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

/* ERR_INVALID: not well-formed, not a <domainbackup>, or a wrong value; ERR_UNSUPPORTED:
 * well-formed, and nothing that vmkeep can do. */
int backup_document_parse(const char *xml, size_t len, struct backup_document **ret,
                          struct err *err);
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

/* A document of any request, scheduled ones too: what backup-dumpxml shows.  Parsing it gives the
 * same request, but for what XML cannot hold (see engine/xml/xml.h).  Caller frees. */
char *backup_document_format(const struct backup_request *request);

#endif

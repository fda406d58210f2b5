/* SPDX-License-Identifier: MIT
 *
 * checkpoint_document: a checkpoint as somebody describes it, who may leave things out, or as it is
 * described to them.  It is read and written as XML by engine/xml/checkpoint_xml.h.
 */
#ifndef VMKEEP_ENGINE_CHECKPOINT_DOCUMENT_H
#define VMKEEP_ENGINE_CHECKPOINT_DOCUMENT_H

#include "base/cleanup.h"
#include "base/err.h"
#include "engine/hypervisor.h"

struct checkpoint_document_disk {
    char *name;
    bool tracked;  /* checkpoint='bitmap'; false: checkpoint='no' */
    char *bitmap;  /* the bitmap's name: the checkpoint's */
    bool has_size; /* on output: */
    uint64_t size; /* bytes that a backup from it would copy now */
};

struct checkpoint_document {
    char *name;        /* NULL while not complete: made of the time, as libvirt does */
    char *description; /* NULL: none */
    char *parent;      /* on output; NULL: none */
    int64_t created;   /* on output; seconds; 0: not written */
    char *domain;      /* on output: the domain's name, as <domain><name>; NULL: left out */
    bool all_disks;    /* there was no <disks> */
    VEC(struct checkpoint_document_disk) disks;
};

void checkpoint_document_free(struct checkpoint_document *d); /* NULL-safe */
DEFINE_FREEP(struct checkpoint_document, checkpoint_document_free)

/* For a new checkpoint: fills in what is left out (name: of now's seconds; disks: all that can
 * hold a bitmap; bitmap names), forgets what is for output only, as libvirt does, sets created
 * to now, and checks it against the domain, whose disks may also be named by their image's path:
 * ERR_NOTFOUND (disk), ERR_UNSUPPORTED (a disk asked for by name that cannot hold a bitmap, a
 * bitmap named otherwise than the checkpoint), ERR_EXISTS (the bitmap is there already),
 * ERR_INVALID (no disk is left). backup_disks: of a checkpoint begun with a backup, the disks
 * that take part in it; a disk that is not among them is refused (and not taken in by default).
 * NULL: no backup. */
int checkpoint_document_complete(struct checkpoint_document *d, const struct domain_facts *facts,
                                 const struct strlist *backup_disks, int64_t now, struct err *err);

/* For a checkpoint whose bitmaps are there: name and creationTime must be given, parent and
 * description are as written; disks left out: those that have a bitmap of its name
 * (ERR_NOTFOUND: none). Against the domain: ERR_NOTFOUND (disk), ERR_UNSUPPORTED (another
 * bitmap's name).  validate: each of its disks must have the bitmap (ERR_NOTFOUND), consistent
 * and recording (ERR_CORRUPT). */
int checkpoint_document_redefine(struct checkpoint_document *d, const struct domain_facts *facts,
                                 bool validate, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * definition: a libvirt domain's document, made to fit the disks that were restored of it.
 *
 * As a point has it, it names the images, sockets and devices that the domain had.  Defined like
 * that, a copy would run on the disks it was backed up from, with the addresses of the domain
 * itself.  So a new domain gets an identity of its own, and what two domains cannot share is left
 * out; each such thing is told.
 */
#ifndef VMKEEP_STORAGE_DEFINITION_DEFINITION_H
#define VMKEEP_STORAGE_DEFINITION_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/err.h"

#define DEFINITION_MAX ((size_t)64 << 20)

struct definition_disk {
    const char *name; /* its target: vda */
    const char *path; /* the restored image, absolute */
};

struct definition_request {
    const char *xml;    /* the domain's definition */
    const char *live;   /* as it ran, for disks that only this one has; NULL: not known */
    const char *name;   /* of the domain; NULL: as it was */
    bool same_identity; /* UUID and addresses stay, and whatever belongs to the domain alone: it is
                           the domain itself that comes back */
    const char *nvram;  /* the restored file of UEFI variables, absolute; NULL: there is none */
    bool tpm;           /* the state of an emulated TPM is restored, too */
    const char *format; /* of the restored images: "qcow2" or "raw" */
    const struct definition_disk *disks;
    size_t n_disks;
};

struct definition {
    char *xml, *name;
    struct strlist notes; /* what is different from what ran: a line each */
};

/* ERR_INVALID: it is no definition of a domain; where. */
int definition_rewrite(const struct definition_request *r, struct definition *ret, struct err *err);
void definition_done(struct definition *d);

struct definition_image {
    char *name, *format;
    char *path; /* NULL: the disk is no file */
};

struct definition_images {
    char *uuid;
    VEC(struct definition_image) disks;
};

/* What a definition has its disks in; CD-ROMs and the like are left out.  Errors as above. */
int definition_images(const char *xml, struct definition_images *ret, struct err *err);
void definition_images_done(struct definition_images *images);

#endif

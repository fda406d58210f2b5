/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  A backup's beginning.
 *
 *   begin.c          the order of things: looked at and checked, images, freeze, begin, thaw
 *   begin_request.c  what is asked for, kept for as long as it takes
 *   begin_images.c   images that are made, or looked at, before
 *   begin_denied.c   why QEMU could not open a file
 *   begin_undo.c     takes back what libvirt has begun already
 *   begin_off.c      of a domain that is shut off: what has been asked for goes to images.h
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_BEGIN_H
#define VMKEEP_ENGINE_LIBVIRT_BEGIN_H

#include "engine/libvirt/documents.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

struct libvirt_begin {
    struct libvirt_task task; /* first */
    struct strlist strings;   /* own those of the request */
    struct backup_request request;
    VEC(struct backup_disk) disks;
    struct backup_begun begun, *ret;
    struct domain_facts *facts;
    struct file_list places;
    char *output;             /* qemu-img's */
    bool reuse;               /* libvirt takes the images that are there */
    libvirt_step images_then; /* when they are made */
    libvirt_step explained;   /* when it is known what kept QEMU from a file */
    size_t next;              /* disk, of the images, or of what follows the begin */
    bool port_ours;           /* the server's port was picked by us */
    int ports_tried;
    double frozen_at; /* loop time; 0: the guest is not frozen */
    bool froze;       /* it was, surely */
    struct libvirt_count thawed;
    struct libvirt_job_answer figures;
    struct libvirt_checkpoints checkpoints;
    double undone_by;          /* loop time */
    struct hypervisor *images; /* of one that is shut off */
    struct err err;            /* the first error: then all is undone */
};

/* begin_request.c */
struct libvirt_begin *libvirt_begin_new(const struct backup_request *r);
void libvirt_begin_release(struct libvirt_task *t);

/* begin_images.c: looks at the places, makes the images, and goes on with `then`; b->err says what
 * was wrong. */
void libvirt_begin_images(struct libvirt_begin *b, libvirt_step then);

/* begin_denied.c: adds to b->err, should it be that a file was denied, what is in the way and what
 * to do.  The guest is not frozen any more: it takes a moment. */
void libvirt_begin_explain(struct libvirt_begin *b, libvirt_step then);

/* begin_undo.c: the job that libvirt has begun, and its checkpoint, go; or, not begun, the
 * checkpoint alone.  Ends the task with b->err. */
void libvirt_begin_undo(struct libvirt_begin *b, bool begun);

/* begin_off.c: what was found to be in order is begun on the images, and ends the task. */
void libvirt_begin_off(struct libvirt_begin *b);

struct op *libvirt_backup_begin(struct hypervisor *hv, const struct backup_request *request,
                                struct backup_begun *ret, op_done done, void *ctx, struct err *err);
/* The domain was looked at just now, and the request is made for what was found.  facts: begin's
 * from now on, whatever becomes of it. */
struct op *libvirt_backup_begin_known(struct hypervisor *hv, const struct backup_request *request,
                                      struct domain_facts *facts, struct backup_begun *ret,
                                      op_done done, void *ctx, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  Checkpoints: libvirt's record of each, and its bitmaps.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_CHECKPOINT_H
#define VMKEEP_ENGINE_LIBVIRT_CHECKPOINT_H

#include "engine/hypervisor.h"

/* ---- of struct hypervisor_ops ---- */

struct op *libvirt_checkpoint_create(struct hypervisor *hv, const char *domain, const char *name,
                                     const struct strlist *disks, bool quiesce, op_done done,
                                     void *ctx, struct err *err);
struct op *libvirt_checkpoint_delete(struct hypervisor *hv, const char *domain, const char *name,
                                     op_done done, void *ctx, struct err *err);
struct op *libvirt_checkpoint_redefine(struct hypervisor *hv, const char *domain, const char *name,
                                       int64_t created, const struct strlist *disks, op_done done,
                                       void *ctx, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The operations checkpoint_create and checkpoint_delete of
 * engine/hypervisor.h. */
#ifndef VMKEEP_ENGINE_QMP_CHECKPOINT_H
#define VMKEEP_ENGINE_QMP_CHECKPOINT_H

#include "engine/qmp/domain/domain.h"

/* Is it one of the checkpoint's? */
bool checkpoint_has(const char *checkpoint, const struct bitmap_facts *bitmap);
struct op *checkpoint_create_start(struct domain *d, const char *name, const struct strlist *disks,
                                   bool quiesce, op_done done, void *ctx, struct err *err);
struct op *checkpoint_delete_start(struct domain *d, const char *name, op_done done, void *ctx);

#endif

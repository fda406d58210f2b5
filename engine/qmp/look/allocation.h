/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The operation allocation of engine/hypervisor.h. */
#ifndef VMKEEP_ENGINE_QMP_ALLOCATION_H
#define VMKEEP_ENGINE_QMP_ALLOCATION_H

#include "engine/qmp/domain/domain.h"

struct op *allocation_start(struct domain *d, const char *tag, struct allocation *items, size_t n,
                            op_done done, void *ctx);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The operation inspect of engine/hypervisor.h. */
#ifndef VMKEEP_ENGINE_QMP_INSPECT_H
#define VMKEEP_ENGINE_QMP_INSPECT_H

#include "engine/qmp/domain/domain.h"

struct op *inspect_start(struct domain *d, struct domain_facts **ret, op_done done, void *ctx);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The operation trial of engine/hypervisor.h. */
#ifndef VMKEEP_ENGINE_QMP_TRIAL_H
#define VMKEEP_ENGINE_QMP_TRIAL_H

#include "engine/qmp/domain/domain.h"

struct op *trial_start(struct domain *d, const char *path, bool agent, struct hv_trial *ret,
                       op_done done, void *ctx);

#endif

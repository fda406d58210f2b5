/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  What a push needs of QEMU's user, and quiescing of the guest's agent,
 * tried.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_TRIAL_H
#define VMKEEP_ENGINE_LIBVIRT_TRIAL_H

#include "engine/hypervisor.h"

struct op *libvirt_trial(struct hypervisor *hv, const char *domain, const char *path, bool agent,
                         struct hv_trial *ret, op_done done, void *ctx, struct err *err);

#endif

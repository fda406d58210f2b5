/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  A domain as it is now.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_INSPECT_H
#define VMKEEP_ENGINE_LIBVIRT_INSPECT_H

#include "engine/hypervisor.h"

struct op *libvirt_inspect(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                           op_done done, void *ctx, struct err *err);

#endif

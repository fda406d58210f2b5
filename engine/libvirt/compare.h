/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  The operation allocation of engine/hypervisor.h.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_COMPARE_H
#define VMKEEP_ENGINE_LIBVIRT_COMPARE_H

#include "engine/hypervisor.h"

struct op *libvirt_allocation(struct hypervisor *hv, const char *domain, const char *tag,
                              struct allocation *items, size_t n, op_done done, void *ctx,
                              struct err *err);

#endif

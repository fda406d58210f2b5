/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  A domain as it is now.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_INSPECT_H
#define VMKEEP_ENGINE_LIBVIRT_INSPECT_H

#include "engine/hypervisor.h"

struct op *libvirt_inspect(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                           op_done done, void *ctx, struct err *err);

/* Without its checkpoints, which take as long as all the rest: their bitmaps are not in the facts
 * of a domain that runs. */
struct op *libvirt_inspect_plain(struct hypervisor *hv, const char *domain,
                                 struct domain_facts **ret, op_done done, void *ctx,
                                 struct err *err);

#endif

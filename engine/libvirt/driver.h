/* SPDX-License-Identifier: MIT
 *
 * The driver for hosts that libvirt runs: by vmkeep-libvirt, one process a host.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_DRIVER_H
#define VMKEEP_ENGINE_LIBVIRT_DRIVER_H

#include "engine/hypervisor.h"

struct ev_loop;

struct libvirt_config {
    const char *uri;     /* libvirt's */
    const char *program; /* of ours, for tests; NULL: vmkeep-libvirt */
    /* Of another machine; see struct hv_elsewhere. */
    const char *address; /* NULL: the URI's */
    const char *certificates, *scratch;
};

/* Connects from the loop. */
struct hypervisor *libvirt_hypervisor_new(struct ev_loop *loop, const struct libvirt_config *c);

#endif

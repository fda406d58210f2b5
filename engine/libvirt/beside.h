/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  What a domain has besides its disks and its document, for its points
 * (storage/images/beside.h): where libvirt keeps it on its machine.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_BESIDE_H
#define VMKEEP_ENGINE_LIBVIRT_BESIDE_H

#include <stdbool.h>

#include "base/model.h"

enum libvirt_at {
    LIBVIRT_SYSTEM,
    LIBVIRT_SESSION, /* of our own user */
    LIBVIRT_REMOTE,  /* its files are another machine's */
};

/* "qemu:///system", "qemu+ssh://hv1/session" ... */
enum libvirt_at libvirt_at(const char *uri);

/* Adds to ret what the domain's document names. */
void libvirt_beside(const char *xml, enum libvirt_at at, struct definition_list *ret);

#endif

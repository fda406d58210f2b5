/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  What keeps QEMU from a file, and the line to add.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_DENIED_H
#define VMKEEP_ENGINE_LIBVIRT_DENIED_H

#include "engine/hypervisor.h"

/* Of an error that says "Permission denied" about that file, one beside it, or another that it
 * names: adds what to do, as the domain is confined.  The kernel says the same whichever of its
 * rules it was.  Others, and a path that is NULL, are left alone. */
void libvirt_explain_denied(const struct domain_facts *facts, const char *path, struct err *err);

/* Can vmkeepd give QEMU's user a file, as that user or by its group? */
bool libvirt_can_share(const struct domain_facts *facts);

/* The file that the error is about: the one that it names, else path, which may be NULL.  NULL:
 * there is none, or nothing was denied.  Caller frees. */
char *libvirt_denied_path(const struct err *err, const char *path);

#endif

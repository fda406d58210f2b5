/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  What libvirt's <domain> says of a domain's disks, and of who its QEMU
 * runs as.  Only libvirt makes these documents, of whichever version; what is not known is passed
 * over.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_DOMAIN_XML_H
#define VMKEEP_ENGINE_LIBVIRT_DOMAIN_XML_H

#include "engine/hypervisor.h"

/* Fills in uuid, disks, asides, files, uid, gid and confined.  Of a disk: name, image (but
 * for that of a volume, which only its pool knows), identity of what is no file, device, format,
 * special, trackable, busy, encrypted, removable, empty and cannot.  ERR_INVALID: it is no such
 * document. */
int libvirt_domain_xml(const char *xml, struct domain_facts *ret, struct err *err);

/* Has the guest a channel for an agent? */
bool libvirt_domain_has_agent(const char *xml);

#endif

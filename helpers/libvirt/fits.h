/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/libvirt: what a domain's document asks of a host, and the host has not.
 */
#ifndef VMKEEP_HELPERS_LIBVIRT_FITS_H
#define VMKEEP_HELPERS_LIBVIRT_FITS_H

#include <libvirt/libvirt.h>
#include <libxml/tree.h>

#include "base/alloc.h"

/* What the expression of XPath says of the document; NULL: nothing, or an empty text.  The
 * caller's. */
char *fits_value(const xmlDoc *doc, const char *xpath);

/* A line for each thing: its name or UUID is taken, emulator, machine, firmware, networks, bridges,
 * devices that are passed through.  What the host cannot tell is not said. */
void fits_host(virConnectPtr conn, const xmlDoc *doc, struct strlist *ret);

#endif

/* SPDX-License-Identifier: MIT
 *
 * libvirt_uri: what a libvirt URI says of where its libvirtd is.
 */
#ifndef VMKEEP_BASE_LIBVIRT_URI_H
#define VMKEEP_BASE_LIBVIRT_URI_H

#include <stdbool.h>

/* "qemu:///system", "qemu+unix:///session?...": no host, and nothing that leads to one. */
bool libvirt_uri_is_local(const char *uri);

/* The host's name or address, without the brackets of an IPv6 address; "localhost" where it names
 * none.  Caller frees. */
char *libvirt_uri_host(const char *uri);

#endif

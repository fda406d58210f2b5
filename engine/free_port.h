/* SPDX-License-Identifier: MIT
 *
 * free_port: a TCP port that nobody listens on now.  Neither QEMU nor libvirt tells which one it
 * took, so the caller picks.  Somebody may take it before they do: then another one is tried.
 */
#ifndef VMKEEP_ENGINE_FREE_PORT_H
#define VMKEEP_ENGINE_FREE_PORT_H

#include <stdint.h>

#include "base/err.h"

/* host: an address, NULL or "localhost"; no name is looked up, for that could take long
 * (ERR_INVALID). */
int free_port(const char *host, uint16_t *ret, struct err *err);

#endif

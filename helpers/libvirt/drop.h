/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/libvirt: what the program does without. */
#ifndef VMKEEP_HELPERS_LIBVIRT_DROP_H
#define VMKEEP_HELPERS_LIBVIRT_DROP_H

#include "base/err.h"

/* Once the connection is open, and before the first thread. */
int drop_rights(struct err *err);

#endif

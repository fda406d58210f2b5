/* SPDX-License-Identifier: MIT
 *
 * served_options: what qemu-storage-daemon is told to serve, as its arguments.  All values are
 * JSON, so that no name can be taken for an option.
 */
#ifndef VMKEEP_CLI_SERVED_OPTIONS_H
#define VMKEEP_CLI_SERVED_OPTIONS_H

#include "cli/served.h"

#define SERVED_SOCKET "nbd.sock"

/* Appends to argv.  Overlays are there. */
void served_options(const struct served *s, struct strlist *argv);

#endif

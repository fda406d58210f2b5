/* SPDX-License-Identifier: MIT
 *
 * check_idle: policies and globs of disks that select nothing, by the disks that the configuration
 * lists and by what the daemon saw last, where its catalog may be read.
 */
#ifndef VMKEEP_CLI_CHECK_IDLE_H
#define VMKEEP_CLI_CHECK_IDLE_H

#include "policies/config.h"

/* Adds warnings about the configuration that is at path. */
void check_idle(const char *path, const struct config *c, struct diagnostics *diags);

#endif

/* SPDX-License-Identifier: MIT
 *
 * check_told: who is to be told, or to see the status page, and cannot be for what is missing on
 * this machine.
 */
#ifndef VMKEEP_CLI_CHECK_TOLD_H
#define VMKEEP_CLI_CHECK_TOLD_H

#include "policies/config.h"

/* Adds warnings about the configuration that is at path.  Sends nothing. */
void check_told(const char *path, const struct config *c, struct diagnostics *diags);

#endif

/* SPDX-License-Identifier: MIT
 *
 * check_look: what can be seen of a configuration by looking at what it names.
 */
#ifndef VMKEEP_CLI_CHECK_LOOK_H
#define VMKEEP_CLI_CHECK_LOOK_H

#include "policies/config.h"

/* Adds warnings.  path: the configuration's, for them.  Changes nothing, and waits some seconds at
 * most for what hangs. */
void check_look(const char *path, const struct config *c, struct diagnostics *diags);

#endif

/* SPDX-License-Identifier: MIT
 *
 * repository_check: how a repository differs from the catalog, and what will be done about it.
 * Changes nothing.
 */
#ifndef VMKEEP_CLI_REPOSITORY_CHECK_H
#define VMKEEP_CLI_REPOSITORY_CHECK_H

#include "cli/repository_facts.h"

/* Prints it, and returns the exit code. */
int repository_check_one(const struct config *config, const struct config_repository *c,
                         struct catalog *catalog, bool json);

#endif

/* SPDX-License-Identifier: MIT
 *
 * repository_look: what is under the repositories' paths now, whatever the daemon saw there last.
 */
#ifndef VMKEEP_CLI_REPOSITORY_LOOK_H
#define VMKEEP_CLI_REPOSITORY_LOOK_H

#include "policies/config.h"
#include "report/model.h"
#include "storage/catalog.h"

/* Puts right state, problem and space of the status' repositories, which are the configuration's,
 * in its order.  Looks at all of them at the same time, each in a process of its own, and waits a
 * few seconds at most: one that has not answered by then is said not to.  Where we may not look,
 * what the daemon saw stays.  Fails when the catalog cannot be read. */
int repository_look(const struct config *config, struct catalog *catalog, struct status *status,
                    struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * repository_look: what is under the repositories' paths now, whatever the daemon saw there last.
 */
#ifndef VMKEEP_CLI_REPOSITORY_LOOK_H
#define VMKEEP_CLI_REPOSITORY_LOOK_H

#include "report/gather/status.h"

/* One look each at the configuration's repositories, in its order, all at the same time, each in a
 * process of its own, and waits a few seconds at most: one that has not answered by then is said
 * not to.  only: those of these names; NULL: all.  looked is false where we may not look, or were
 * not to.  Fails when the catalog cannot be read. */
int repository_look(const struct config *config, const struct strlist *only,
                    struct catalog *catalog, struct status_looks *ret, struct err *err);

#endif

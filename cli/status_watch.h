/* SPDX-License-Identifier: MIT
 *
 * status_watch: vmkeep status --watch, the status on a full screen until somebody ends it.
 */
#ifndef VMKEEP_CLI_STATUS_WATCH_H
#define VMKEEP_CLI_STATUS_WATCH_H

#include "report/gather/status.h"

/* only: these domains; NULL: all.  Returns the exit code. */
int status_watch(struct status_sources *sources, const struct domain_names *only);

#endif

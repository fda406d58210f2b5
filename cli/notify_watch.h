/* SPDX-License-Identifier: MIT
 *
 * notify_watch: what vmkeep-watch.timer runs: tells the targets that the daemon is down, for then
 * nobody else does.
 *
 * What they were told stands in a file beside the catalog (which is the daemon's alone to write),
 * with the same pauses as the daemon has.
 */
#ifndef VMKEEP_CLI_NOTIFY_WATCH_H
#define VMKEEP_CLI_NOTIFY_WATCH_H

#include "policies/config.h"
#include "report/model.h"

/* Sends what there is to be sent. EXIT_DONE, or EXIT_FAILED when a target did not take it. */
int notify_watch(const struct config *config, const struct status *status);

#endif

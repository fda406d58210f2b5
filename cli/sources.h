/* SPDX-License-Identifier: MIT
 *
 * sources: what a command gathers the status from: the catalog, as of now, in the zone that this
 * process runs in.
 */
#ifndef VMKEEP_CLI_SOURCES_H
#define VMKEEP_CLI_SOURCES_H

#include "report/gather/status.h"

/* Nobody has looked at the repositories: see cli/repository_look.h. */
int sources_open(const struct config *config, struct catalog *catalog, struct status_sources *ret,
                 struct err *err);
void sources_done(struct status_sources *s);

#endif

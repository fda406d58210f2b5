/* SPDX-License-Identifier: MIT
 *
 * points_look: are the newest points whole now, whatever the daemon saw there last?
 */
#ifndef VMKEEP_CLI_POINTS_LOOK_H
#define VMKEEP_CLI_POINTS_LOOK_H

#include "report/gather/status.h"

/* Of each of the domains and each of their policies the newest good point: its directory, its
 * manifest and its images' lengths.  What is not whole goes into the looks (of repository_look),
 * and only where they found the repository there.  Takes a quarter of a second, and then leaves the
 * rest as the daemon saw it last.  only: NULL: all domains that are known.  Fails when the catalog
 * cannot be read. */
int points_look(const struct config *config, struct catalog *catalog,
                const struct domain_names *only, struct status_looks *looks, struct err *err);

/* The same in two steps, for what can be done meanwhile.  All is borrowed until the end, which
 * frees it.  *ret_found: the looks say now what they did not before. */
struct points_look;
int points_look_begin(const struct config *config, struct catalog *catalog,
                      const struct domain_names *only, struct status_looks *looks,
                      struct points_look **ret, struct err *err);
int points_look_end(struct points_look *l, bool *ret_found, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * disk_choice: what the policies' `disks:` make of the disks that are there.
 *
 * A disk is left out on purpose when a "!" takes it away.  One that merely no glob matches was
 * perhaps forgotten (it was added later, or is called otherwise than somebody thought): no promise
 * is broken by it, for the list says what the promise is about, but it is told.
 */
#ifndef VMKEEP_POLICIES_DISK_CHOICE_H
#define VMKEEP_POLICIES_DISK_CHOICE_H

#include "policies/config.h"

#define DISK_NOT_SELECTED "no glob of the policy's disks selects it"

/* Why the globs leave it out, or DISK_NOT_SELECTED; NULL: they select it. */
const char *disk_left_out_why(const struct strlist *globs, const char *disk);

/* Is the disk in the backups of no policy that selects the domain, while none leaves it out on
 * purpose?  Of a domain that no policy selects nothing is said. */
bool disk_is_forgotten(const struct config *config, const char *host, const char *domain,
                       const char *disk);

#endif

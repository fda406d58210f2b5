/* SPDX-License-Identifier: MIT
 *
 * repository_adopt: takes a repository over: another disk, an empty one, other owners' directories.
 */
#ifndef VMKEEP_CLI_REPOSITORY_ADOPT_H
#define VMKEEP_CLI_REPOSITORY_ADOPT_H

#include <stdbool.h>

#include "base/alloc.h"

struct adoption {
    const char *name;              /* the repository's */
    const struct strlist *domains; /* HOST/DOMAIN; none: those of domains that we have */
    bool all;                      /* whatever is there */
    bool dry_run;
    bool json;
    bool yes;   /* do not ask */
    bool force; /* also where another owner is at work, or is kept by a daemon of this machine */
};

/* Says what it means, asks, and does it.  The exit code. */
int repository_take_over(const struct adoption *a);

#endif

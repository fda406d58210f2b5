/* SPDX-License-Identifier: MIT
 *
 * repository_forget: a repository that is lost for ever leaves the catalog.
 */
#ifndef VMKEEP_CLI_REPOSITORY_FORGET_H
#define VMKEEP_CLI_REPOSITORY_FORGET_H

#include <stdbool.h>

struct forgetting {
    const char *what; /* its name, or its id */
    bool dry_run;
    bool json;
    bool yes;   /* do not ask */
    bool force; /* though it is there */
};

/* Says what it means, asks, and does it: through the daemon where one runs.  The exit code. */
int repository_forget(const struct forgetting *f);

#endif

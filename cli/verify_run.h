/* SPDX-License-Identifier: MIT
 *
 * verify_run: reads points that were chosen, one after another, and says what it finds.
 */
#ifndef VMKEEP_CLI_VERIFY_RUN_H
#define VMKEEP_CLI_VERIFY_RUN_H

#include "cli/verify_choice.h"

struct verify_wanted {
    const char *from; /* the point to begin with; NULL: the first */
    const struct strlist *disks;
    uint64_t bandwidth;
    int64_t sample; /* percent; 0: all */
    bool json, dry_run;
};

/* The place in the choice's points of the one to begin with; SIZE_MAX: there is no such point, and
 * that is said. */
size_t verify_first(const char *from, const struct verify_choice *choice);

/* Returns the exit code. */
int verify_run(const struct verify_wanted *a, struct verify_choice *choice, size_t first);

#endif

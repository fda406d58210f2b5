/* SPDX-License-Identifier: MIT
 *
 * calendar_months: vmkeep calendar --from, --to: what policies are due for on each day of some
 * months.
 */
#ifndef VMKEEP_CLI_CALENDAR_MONTHS_H
#define VMKEEP_CLI_CALENDAR_MONTHS_H

#include <stdbool.h>

#include "policies/config.h"
#include "policies/zone.h"

struct calendar_months {
    const char *from, *to, *policy; /* NULL: not given */
    bool json;
};

/* That of the daemon, where a catalog tells it; else this machine's. */
int calendar_zone(const struct config *config, struct zone **ret, struct err *err);

/* Returns the exit code. */
int calendar_months(const struct calendar_months *m);

#endif

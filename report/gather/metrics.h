/* SPDX-License-Identifier: MIT
 *
 * metrics: what monitoring is told, gathered from the catalog alone, so that it is true whether the
 * daemon runs, and after it was restarted.
 */
#ifndef VMKEEP_REPORT_GATHER_METRICS_H
#define VMKEEP_REPORT_GATHER_METRICS_H

#include "report/gather/status.h"
#include "report/metrics.h"

/* status: gathered with figures.  totals and *ret: released by the caller, whatever comes of it. */
int metrics_gather(const struct status_sources *s, const struct status *status,
                   struct job_totals *totals, struct metrics *ret, struct err *err);

#endif

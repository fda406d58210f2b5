/* SPDX-License-Identifier: MIT
 *
 * metrics: the status in Prometheus' text format, version 0.0.4.  Names and labels are part of what
 * others rely on: metrics.md lists them.  Labels are names of the configuration, never ids, paths
 * or sentences, so that no series begins with a job or a point.  What is not known (a point that
 * there never was) has no sample; what is 0 has one.
 */
#ifndef VMKEEP_REPORT_METRICS_H
#define VMKEEP_REPORT_METRICS_H

#include <stdio.h>

#include "base/totals.h"
#include "report/model.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* How a target of notifications fares: messages, and pings. */
struct metrics_target {
    char *name;
    int64_t sent, failed, lost, waiting;
};

struct metrics {
    const struct status *status; /* with figures; see report/gather/status.h */
    const struct job_totals *totals;
    VEC(struct metrics_target) targets;
    const char *version; /* of this program */
    size_t running, queued;
    int64_t gather_ms; /* how long that took */
};

void report_metrics(const struct metrics *m, FILE *out);
void metrics_done(struct metrics *m);

#endif

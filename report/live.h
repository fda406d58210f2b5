/* SPDX-License-Identifier: MIT
 *
 * live: a job as it is now, in words for people.  Pure.  The daemon's answer (daemon/live_json.h)
 * is what it goes by.
 */
#ifndef VMKEEP_REPORT_LIVE_H
#define VMKEEP_REPORT_LIVE_H

#include <jansson.h>
#include <stdint.h>

/* "copying 42% of 10.0 GiB, 120 MiB/s, 48s left", "waits since 02:31:10 for job 12 ...", "tries
 * again at ...".  What is not in job is left out.  Caller frees. */
char *live_text(const json_t *job, int64_t now);

/* What it does: "full", "incremental by hand", "checkpoint prune".  Caller frees. */
char *job_what(const char *kind, const char *level);

#endif

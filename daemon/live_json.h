/* SPDX-License-Identifier: MIT
 *
 * live_json: jobs as they are now, as JSON.  An object has all that `vmkeep jobs --json` says of a
 * job (report/gather/job_json.h), and:
 *
 *     "live": true,
 *     "doing": "copying",               what it does, in plain words; null: it is queued
 *     "cancelled": false,               it has been asked to end
 *     "percent": 42.1, "bytes_per_second": 125829120, "seconds_left": 48     null: not known
 *     "figures": "2026-11-23T02:30:05Z" when they were read; null: not yet
 *     "waits_for": {                    null: nothing
 *         "code": "host-limit",         a word of jobs/obstacle.h, or "retry"
 *         "text": "a place at host lab: 2 jobs run there at once (limits.jobs_per_host)",
 *         "since": "2026-11-23T02:30:00Z",
 *         "until": null,                of a retry: when it begins
 *         "jobs": [12, 13],             in its way, or the one that failed
 *         "name": "lab",                of the host or repository; null: there is none
 *         "limit": 2,                   null: it is no limit
 *         "tries": null,                that were in vain
 *         "error": null, "problem": null}  what went wrong: its code, in words
 *
 * A backup that is tried again has state "waiting", and no id yet.
 */
#ifndef VMKEEP_DAEMON_LIVE_JSON_H
#define VMKEEP_DAEMON_LIVE_JSON_H

#include <jansson.h>

#include "jobs/answers.h"

/* Caller owns them. */
json_t *live_job_json(const struct live_job *j);
/* {"jobs": [...], "next": {"after", "tries_after"} or null} */
json_t *live_json(const struct live_answer *a);

#endif

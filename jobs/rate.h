/* SPDX-License-Identifier: MIT
 *
 * rate: how fast a job copies, smoothed, from looks at how far it is.  Pure.
 *
 * Looks come when they come: every few seconds for the job's own sake, more often while somebody
 * watches. A look counts by the time since the one before, so that many are no better than few:
 * what was copied RATE_S seconds ago has half of the weight.
 */
#ifndef VMKEEP_JOBS_RATE_H
#define VMKEEP_JOBS_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_S 10

struct rate {
    int64_t looked_ms; /* elapsed time of the last look; 0: there was none */
    bool known;
    double per_s; /* bytes */
    uint64_t done;
    int64_t at_ms; /* of the look that `done` is of */
};

/* done: bytes so far; now_ms: elapsed time. */
void rate_look(struct rate *r, uint64_t done, int64_t now_ms);

/* Seconds until all is done if it goes on like that; -1: not known. */
int64_t rate_left_s(const struct rate *r, uint64_t done, uint64_t total);

#endif

/* SPDX-License-Identifier: MIT
 *
 * snapshot: everything that is shown of all domains, as of one instant: rendered once, read by any
 * number of requests.
 */
#ifndef VMKEEP_WEB_SNAPSHOT_H
#define VMKEEP_WEB_SNAPSHOT_H

#include <jansson.h>
#include <stdatomic.h>

#include "report/gather/status.h"

#define ETAG_MAX 24

struct text {
    char *text;
    size_t n;
    char etag[ETAG_MAX]; /* "": of one that is sent once, not yet */
};

void text_mark(struct text *t);

struct snapshot {
    atomic_int holders;
    int64_t at_ms, cost_ms; /* by the machine's uptime */
    struct status status;
    json_t *jobs; /* that run or wait; changed by nobody */
    bool live;
    struct text front, metrics, json, jobs_json;
};

/* Held once by the caller. */
int snapshot_make(const struct status_sources *sources, struct snapshot **ret, struct err *err);
void snapshot_hold(struct snapshot *s);
void snapshot_drop(struct snapshot *s); /* NULL: nothing */

#endif

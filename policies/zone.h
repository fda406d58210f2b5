/* SPDX-License-Identifier: MIT
 *
 * zone: a time zone as a function between instants and wall-clock times, from the system's own
 * zone files, so that it says what date(1) says.  Opening one reads its file; nothing else here
 * does.  Instants are seconds since the epoch, UTC; those outside of the years 1 to 9999 count as
 * the nearest within.
 */
#ifndef VMKEEP_POLICIES_ZONE_H
#define VMKEEP_POLICIES_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct zone;

/* A wall-clock time, proleptic Gregorian. */
struct wall {
    int year, month, day; /* month 1..12 */
    int hour, minute, second;
};

/* name: "UTC", "Europe/Prague", or NULL for the process's own (TZ, else /etc/localtime; UTC when
 * these name nothing that is there, as everywhere in the system).
 * ERR_NOTFOUND for a name that the system does not have; ERR_CORRUPT for a damaged zone file. */
int zone_open(const char *name, struct zone **ret, struct err *err);
void zone_free(struct zone *z);

/* Seconds east of UTC at that instant. */
int zone_offset(const struct zone *z, int64_t t);

/* The first instant after t at which the clock may change; INT64_MAX when there is none. The offset
 * is the same everywhere before it. */
int64_t zone_next_change(const struct zone *z, int64_t t);

void zone_wall(const struct zone *z, int64_t t, struct wall *ret);

/* The instant of a wall-clock time. One that comes twice: the first. One that the clock skips: the
 * first instant after the gap, and *ret_skipped (may be NULL) is true. */
int64_t zone_instant(const struct zone *z, const struct wall *w, bool *ret_skipped);

/* 1 = Monday .. 7 = Sunday, as ISO 8601 counts. */
int wall_weekday(const struct wall *w);

#endif

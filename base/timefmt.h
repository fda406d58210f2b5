/* SPDX-License-Identifier: MIT
 *
 * timefmt: instants as text.  Instants are seconds since the epoch, UTC.
 */
#ifndef VMKEEP_BASE_TIMEFMT_H
#define VMKEEP_BASE_TIMEFMT_H

#include <stdint.h>

#include "base/err.h"

#define TIMEFMT_MAX 40

/* "2026-11-23T02:30:00Z", for JSON. Returns buf. */
const char *time_utc(int64_t t, char buf[TIMEFMT_MAX]);

/* "2026-11-23T03:30:00+01:00" in the process's time zone (environment variable TZ, tzset(3)). */
const char *time_rfc3339_local(int64_t t, char buf[TIMEFMT_MAX]);

/* "2026-11-23 03:30:00", local, for people; "-" for 0. */
const char *time_local(int64_t t, char buf[TIMEFMT_MAX]);

/* "2026-11-23T02-30-00Z", the form used in the repository's directory names. */
const char *time_filename(int64_t t, char buf[TIMEFMT_MAX]);

/* Reads RFC 3339 ("2026-11-23T02:30:00Z", "...+01:00"), and "YYYY-MM-DD [HH:MM[:SS]]" in local
 * time (UTC when a Z or "UTC" follows). ERR_INVALID names what is wrong. */
int time_parse(const char *s, int64_t *ret, struct err *err);

/* "3m", "2h 10m", "5d 3h": the two largest units. Negative counts as zero. */
const char *duration_text(int64_t seconds, char buf[TIMEFMT_MAX]);

#endif

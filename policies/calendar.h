/* SPDX-License-Identifier: MIT
 *
 * calendar: systemd's calendar expressions (systemd.time(7), CALENDAR EVENTS), whole: weekdays,
 * dates, times, lists, ranges, repetitions, "~" days from the month's end, words such as "daily",
 * "@" seconds since the epoch, time zones by name, fractions of a second (accepted; one elapses
 * with the whole second that it lies in, which is what systemd-analyze shows).
 *
 * Not taken over from systemd 252 on purpose: a zone by the local zone's abbreviation ("CEST"),
 * which never elapses in the other half of the year; that a repetition such as "*:9/21" loses its
 * first elapse when the next larger unit but one begins, here each day at 00:09; and that
 * lists such as "*-*~1,28" are refused.
 *
 * Around clock changes our own rules hold, for systemd loses runs there: a wall-clock time that
 * the clock skips elapses at the first instant after the gap, once however many fall there; a time
 * that comes twice elapses the first time only; but an expression whose hour field is "*" follows
 * elapsed time: it neither makes up for skipped times nor stops in the repeated hour.
 */
#ifndef VMKEEP_POLICIES_CALENDAR_H
#define VMKEEP_POLICIES_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "policies/zone.h"

struct calspec;

/* ERR_INVALID says what is wrong and where in the expression. */
int calspec_parse(const char *s, struct calspec **ret, struct err *err);
void calspec_free(struct calspec *spec);

/* The normal form, as `systemd-analyze calendar` prints it; parses to the same. Caller frees. */
char *calspec_format(const struct calspec *spec);

/* Does it name fractions of a second? */
bool calspec_has_fraction(const struct calspec *spec);

/* The first elapse strictly after `after`, in the expression's own zone or else in `local`; none
 * lies before 1970.  False: it never elapses again (the search ends with the year 2199, like
 * systemd's). */
bool calspec_next(const struct calspec *spec, const struct zone *local, int64_t after,
                  int64_t *ret);

#endif

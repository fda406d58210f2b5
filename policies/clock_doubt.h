/* SPDX-License-Identifier: MIT
 *
 * clock_doubt: when a clock is not to be trusted with what cannot be undone.
 *
 * A clock that is ahead makes all points look old, and what is let go does not come back when it
 * is put right.  So when it goes far ahead, further than time can have gone by, nothing is let
 * go for a week: long enough for somebody to read of it.  A clock that is behind does no such
 * harm.
 */
#ifndef VMKEEP_POLICIES_CLOCK_DOUBT_H
#define VMKEEP_POLICIES_CLOCK_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_HOLD_S (INT64_C(7) * 86400)

/* It was never set: it shows a time before there was a vmkeep. */
bool clock_is_unset(int64_t now);

/* Has it gone ahead?  last: when it was right for the last time, as it showed then; 0: not
 * known. elapsed: how much time went by since, -1 when that is not known (the machine was
 * booted).  uptime: in the first hour after a boot clocks are set, and what the machine slept
 * shows as a leap. A day is too much where it is known how much time went by, 30 days where it
 * is not. */
bool clock_leapt(int64_t last, int64_t elapsed, int64_t uptime, int64_t now);

/* Nothing is let go yet: it leapt at `since`, as it showed then, and was not put back. */
bool clock_hold_lasts(int64_t since, int64_t now);

#endif

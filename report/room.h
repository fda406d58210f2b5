/* SPDX-License-Identifier: MIT
 *
 * How a repository grows, and when it is full: a straight line through what was used on each of the
 * last days.  Pure.  What is used is of the file system, with all else that lies there: that is
 * what fills it.
 */
#ifndef VMKEEP_REPORT_ROOM_H
#define VMKEEP_REPORT_ROOM_H

#include "base/room.h"

#define ROOM_DAYS 30 /* that count: what was before has been thinned out since */

struct room_trend {
    int days;        /* from the first sample that counts to the last; 0: nothing is known */
    double per_day;  /* bytes; below 0: it shrinks */
    int64_t full_at; /* when no more than the reserve is free; 0: never, as it goes */
};

/* reserve: bytes that stay free. */
struct room_trend room_trend(const struct room_list *l, uint64_t reserve, int64_t now);

#endif

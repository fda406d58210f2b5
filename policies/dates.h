/* SPDX-License-Identifier: MIT
 *
 * dates: which restore points' dates cannot be right, because the clock was wrong when they were
 * made.
 *
 * Nothing is stored of it, for a verdict of a moment when the clock was wrong would set all good
 * points aside for ever.  It is found anew, each time, from the dates and the order in which the
 * points were made, which the numbers of their jobs tell: true dates never fall in that order, and
 * none lies ahead of now.  Of the points that are left the most that fit together are right.  So a
 * clock that is put right puts the points right, too.
 */
#ifndef VMKEEP_POLICIES_DATES_H
#define VMKEEP_POLICIES_DATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model.h"

/* vmkeep is not older than this (2026-01-01 00:00 UTC): a clock that shows less was never set. */
#define DATE_FIRST INT64_C(1767225600)
/* Clocks differ a little, and are slewed and stepped by that: no reason to doubt a date. */
#define DATE_SLACK 300

enum date_fault {
    DATE_RIGHT,
    DATE_AHEAD, /* more than DATE_SLACK ahead of now */
    DATE_UNSET, /* before DATE_FIRST, though now is not */
    DATE_ORDER, /* does not fit between those made before and after it */
};

/* "its date lies ahead of the clock"; "" for DATE_RIGHT. */
const char *date_fault_text(enum date_fault f);

/* times: in the order in which they were made.  Falls of up to DATE_SLACK are none.  Where equally
 * many could be right, those made later are. */
void dates_judge(const int64_t *times, size_t n, int64_t now, enum date_fault *ret);

struct date_verdict {
    enum date_fault fault;
    int64_t next; /* the date of the next rightly dated point made after it; INT64_MAX: none is
                     known */
};

/* One verdict a point, in the list's order.  Points of one (host, domain, policy) made by one
 * catalog are held against one another; the list has all of these, or none.  A point whose job is
 * not known, or that is missing, can only be found ahead of now, or unset. */
void points_date(const struct point_list *points, int64_t now, struct date_verdict *ret);

/* The same, as point.set_aside. */
void points_judge_dates(struct point_list *points, int64_t now);

/* Of the points in state good, set aside or not, the one that was made last, of one policy
 * (NULL: any); NULL: there is none.  What its successor is based on, unless it is set aside.
 * catalog: ours; its points come after all others. */
const struct point *points_last_made(const struct point_list *points, const char *policy,
                                     const char *catalog);

#endif

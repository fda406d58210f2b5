/* SPDX-License-Identifier: MIT
 *
 * month: what is due on the days of some months, as text and as a table of a page.  Pure; times are
 * by the wall clock already.
 */
#ifndef VMKEEP_REPORT_MONTH_H
#define VMKEEP_REPORT_MONTH_H

#include <stdio.h>

#include "base/alloc.h"

struct month_date {
    int year, month, day; /* month 1..12 */
};

struct month_entry {
    struct month_date date;
    int hour, minute;
    const char *kind; /* full, incremental, verify, copy; borrowed */
};

/* What is to be said of a day: that the clock changes. */
struct month_note {
    struct month_date date;
    char *text;
};

struct month_view {
    const char *title;               /* borrowed */
    struct month_date from, to;      /* both days are shown */
    VEC(struct month_entry) entries; /* in their order */
    VEC(struct month_note) notes;
};

void month_view_done(struct month_view *v);

/* A grid of seven columns a month, as wide as the output. */
void month_text(const struct month_view *v, FILE *out);

/* Within a page: a table a month. */
void month_html(const struct month_view *v, FILE *out);

/* "F full, i incremental, v verify, c copy"; "i 24x": so often on that day */
extern const char month_legend[];

#endif

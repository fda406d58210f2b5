/* SPDX-License-Identifier: MIT
 *
 * calendar_priv: a calendar expression in memory.  Private to policies/calendar*.c.
 *
 * An expression is six fields and a set of weekdays; a wall-clock time matches when every field
 * has a part that holds its value.  The seconds are counted in microseconds.
 */
#ifndef VMKEEP_POLICIES_CALENDAR_PRIV_H
#define VMKEEP_POLICIES_CALENDAR_PRIV_H

#include "base/alloc.h"
#include "base/cleanup.h"
#include "policies/calendar.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

enum calspec_field_id {
    FIELD_YEAR,
    FIELD_MONTH,
    FIELD_DAY,
    FIELD_HOUR,
    FIELD_MINUTE,
    FIELD_SECOND,
    FIELD_COUNT
};

#define NO_STOP (-1)

/* start, or start..stop, each with or without /repeat (0: none).  A range always has a repeat; what
 * has a repeat and no stop goes on to the end of the field. */
struct calspec_part {
    int64_t start, stop, repeat;
};

/* No parts: "*". Sorted, each part once. The seconds' "*" is the part 0/1. */
struct calspec_field {
    VEC(struct calspec_part) parts;
};

struct calspec {
    unsigned weekdays; /* bit 0: Monday .. bit 6: Sunday; 0: any */
    struct calspec_field field[FIELD_COUNT];
    bool from_month_end; /* days are counted back: 1 is the last one */
    char *zone_name;     /* NULL: local time */
    struct zone *zone;
};

struct calspec_bounds {
    const char *name;
    int64_t min, max;
};

extern const struct calspec_bounds calspec_bounds[FIELD_COUNT];
extern const char *const calspec_weekday_names[7];

#define WEEKDAYS_ALL 0x7fu

/* Is this the seconds' "*"? */
static inline bool calspec_part_is_every_second(const struct calspec_part *p)
{
    return p->start == 0 && p->stop == NO_STOP && p->repeat == SECOND_US;
}

/* Brings a freshly read expression into its normal form, and refuses values out of range. */
int calspec_normalize(struct calspec *spec, struct err *err);

DEFINE_FREEP(struct calspec, calspec_free)

#endif

/* SPDX-License-Identifier: MIT */
#include "policies/calendar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policies/calendar_priv.h"

const struct calspec_bounds calspec_bounds[FIELD_COUNT] = {
    [FIELD_YEAR] = {"year", 1970, 2199}, [FIELD_MONTH] = {"month", 1, 12},
    [FIELD_DAY] = {"day", 1, 31},        [FIELD_HOUR] = {"hour", 0, 23},
    [FIELD_MINUTE] = {"minute", 0, 59},  [FIELD_SECOND] = {"second", 0, MINUTE_US - 1},
};

/* The shortest month has days 1 to 28 before its end. */
static const struct calspec_bounds month_end_bounds = {"day before the month's end", 1, 28};

const char *const calspec_weekday_names[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                              "Friday", "Saturday", "Sunday"};

void calspec_free(struct calspec *spec)
{
    if (!spec)
        return;
    for (int i = 0; i < FIELD_COUNT; i++)
        free(spec->field[i].parts.items);
    free(spec->zone_name);
    zone_free(spec->zone);
    free(spec);
}

static int64_t full_year(int64_t year)
{
    if (year < 0 || year >= 100)
        return year;
    return year + (year >= 70 ? 1900 : 2000);
}

/* The value in the unit that people write, for messages. */
static int64_t shown(enum calspec_field_id id, int64_t value)
{
    return id == FIELD_SECOND ? value / SECOND_US : value;
}

static int check_value(enum calspec_field_id id, const struct calspec_bounds *b, int64_t value,
                       struct err *err)
{
    if (value < b->min || value > b->max)
        return err_set(err, ERR_INVALID,
                       "%s %" PRId64 " is out of range (%" PRId64 " to %" PRId64 ")", b->name,
                       shown(id, value), shown(id, b->min), shown(id, b->max));
    return 0;
}

/* A repetition that never comes to its second value is a mistake. */
static int check_repeat(enum calspec_field_id id, const struct calspec_bounds *b,
                        const struct calspec_part *p, bool from_month_end, struct err *err)
{
    bool fits = from_month_end ? p->start - p->repeat >= b->min : p->start + p->repeat <= b->max;

    if (p->stop == NO_STOP && !fits)
        return err_set(err, ERR_INVALID,
                       "%s: a repetition by %" PRId64 " from %" PRId64
                       " never comes to a second value",
                       b->name, shown(id, p->repeat), shown(id, p->start));
    return 0;
}

static int normalize_part(enum calspec_field_id id, struct calspec_part *p, bool from_month_end,
                          struct err *err)
{
    const struct calspec_bounds *b = from_month_end ? &month_end_bounds : &calspec_bounds[id];

    if (id == FIELD_YEAR) {
        p->start = full_year(p->start);
        p->stop = full_year(p->stop);
    }
    if (check_value(id, b, p->start, err) < 0)
        return -1;
    if (p->stop != NO_STOP) {
        if (p->stop < p->start)
            return err_set(err, ERR_INVALID,
                           "%s: the range %" PRId64 "..%" PRId64 " runs backwards", b->name,
                           shown(id, p->start), shown(id, p->stop));
        p->stop -= (p->stop - p->start) % p->repeat; /* the last value that is hit */
        if (check_value(id, b, p->stop, err) < 0)
            return -1;
        if (p->stop == p->start) {
            p->stop = NO_STOP;
            p->repeat = 0;
        }
    }
    return check_repeat(id, b, p, from_month_end, err);
}

static int compare_parts(const void *a, const void *b)
{
    const struct calspec_part *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->stop != y->stop)
        return x->stop < y->stop ? -1 : 1;
    return (x->repeat > y->repeat) - (x->repeat < y->repeat);
}

static void sort_parts(struct calspec_field *f)
{
    struct calspec_part *parts = f->parts.items;
    size_t n = 0;

    if (f->parts.n == 0)
        return;
    qsort(parts, f->parts.n, sizeof(*parts), compare_parts);
    for (size_t i = 0; i < f->parts.n; i++)
        if (n == 0 || compare_parts(&parts[n - 1], &parts[i]) != 0)
            parts[n++] = parts[i];
    f->parts.n = n;
}

bool calspec_has_fraction(const struct calspec *spec)
{
    const struct calspec_field *f = &spec->field[FIELD_SECOND];

    for (size_t i = 0; i < f->parts.n; i++)
        if (f->parts.items[i].start % SECOND_US || f->parts.items[i].repeat % SECOND_US)
            return true; /* a range goes by whole steps from its start */
    return false;
}

/* Every second takes in what stands beside it: elapses are whole seconds. */
static void absorb_seconds(struct calspec_field *f)
{
    for (size_t i = 0; i < f->parts.n; i++) {
        if (calspec_part_is_every_second(&f->parts.items[i])) {
            f->parts.items[0] = f->parts.items[i];
            f->parts.n = 1;
        }
    }
}

int calspec_normalize(struct calspec *spec, struct err *err)
{
    if (spec->weekdays == WEEKDAYS_ALL)
        spec->weekdays = 0;
    if (spec->field[FIELD_DAY].parts.n == 0)
        spec->from_month_end = false;
    for (int id = 0; id < FIELD_COUNT; id++) {
        struct calspec_field *f = &spec->field[id];

        for (size_t i = 0; i < f->parts.n; i++)
            if (normalize_part((enum calspec_field_id)id, &f->parts.items[i],
                               id == FIELD_DAY && spec->from_month_end, err) < 0)
                return -1;
        sort_parts(f);
    }
    absorb_seconds(&spec->field[FIELD_SECOND]);
    return 0;
}

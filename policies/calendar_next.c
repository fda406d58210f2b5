/* SPDX-License-Identifier: MIT
 *
 * When an expression elapses.  Two steps that know nothing of each other:
 *
 * 1. The expression is a set of wall-clock times.  The first of them at or after a given one is
 * found field by field: the smallest year that fits, the smallest month in it, and so on; where a
 * field has no value left, the field before it moves on.
 *
 * 2. The clock of a zone turns these into instants.  A wall-clock time elapses when the clock first
 *    shows it or something later.  So one that the clock skips elapses as the gap ends, together
 *    with all others that fall there, and one that comes twice the first time only.  The rule keeps
 *    the order of wall-clock times, therefore the first elapse after an instant belongs to the
 * first wall-clock time beyond all that the clock has shown by then.
 *
 *    Where the hour is "*" each showing of a matching time elapses, and nothing else.  The
 *    stretches between two changes of the clock are then searched one by one.
 *
 * Wall-clock times are counted here in microseconds since 1970 as if local time were UTC.  Instants
 * are whole seconds: a fraction elapses with the second that it lies in, as systemd-analyze shows
 * it.
 */
#include "policies/calendar.h"

#include "policies/calendar_priv.h"
#include "policies/civil.h"

#define DAY_US (DAY_SECONDS * SECOND_US)
#define HOUR_US (60 * MINUTE_US)

/* Local time is never farther from UTC than half of this. */
#define OFFSET_SPAN (3 * DAY_SECONDS)

/* The year 2199 and what is before 1970, with room for any zone. */
#define SEARCH_START (-OFFSET_SPAN)
#define SEARCH_END (INT64_C(7258118400) + OFFSET_SPAN)

/* The smallest value of first, first + step ... last that is at least `from`; -1: none. */
static int64_t progression_next(int64_t first, int64_t last, int64_t step, int64_t from)
{
    if (from > first)
        first = step ? first + (from - first + step - 1) / step * step : from;
    return first <= last ? first : -1;
}

/* The same for a part. max: the largest value the field has here; for days, the month's last. */
static int64_t part_next(const struct calspec_part *p, bool from_end, int64_t max, int64_t from)
{
    int64_t first = p->start, last = p->start;

    if (p->stop != NO_STOP)
        last = p->stop;
    else if (p->repeat)
        last = from_end ? 1 : max;
    if (from_end) {
        int64_t low = max + 1 - (first > last ? first : last);

        last = max + 1 - (first < last ? first : last);
        first = low;
    }
    return progression_next(first, last < max ? last : max, p->repeat, from);
}

static int64_t field_next(const struct calspec_field *f, bool from_end, int64_t max, int64_t from)
{
    int64_t best = -1;

    if (f->parts.n == 0)
        return from <= max ? from : -1;
    for (size_t i = 0; i < f->parts.n; i++) {
        int64_t v = part_next(&f->parts.items[i], from_end, max, from);

        if (v >= 0 && (best < 0 || v < best))
            best = v;
    }
    return best;
}

static int64_t day_next(const struct calspec *spec, const int64_t value[FIELD_COUNT])
{
    int month = (int)value[FIELD_MONTH];
    int64_t max = days_in_month(value[FIELD_YEAR], month);
    int64_t day = value[FIELD_DAY];

    for (;; day++) {
        int64_t date;

        day = field_next(&spec->field[FIELD_DAY], spec->from_month_end, max, day);
        if (day < 0 || !spec->weekdays)
            return day;
        date = days_from_civil(value[FIELD_YEAR], month, (int)day);
        if (spec->weekdays & 1u << (weekday_of_days(date) - 1))
            return day;
    }
}

static void split(int64_t wall, int64_t value[FIELD_COUNT])
{
    int64_t days = floor_div(wall, DAY_US);
    int64_t rest = wall - days * DAY_US;
    int month, day;

    civil_from_days(days, &value[FIELD_YEAR], &month, &day);
    value[FIELD_MONTH] = month;
    value[FIELD_DAY] = day;
    value[FIELD_HOUR] = rest / HOUR_US;
    value[FIELD_MINUTE] = rest / MINUTE_US % 60;
    value[FIELD_SECOND] = rest % MINUTE_US;
}

static int64_t join(const int64_t value[FIELD_COUNT])
{
    int64_t days =
        days_from_civil(value[FIELD_YEAR], (int)value[FIELD_MONTH], (int)value[FIELD_DAY]);

    return days * DAY_US + value[FIELD_HOUR] * HOUR_US + value[FIELD_MINUTE] * MINUTE_US +
           value[FIELD_SECOND];
}

/* The first wall-clock time at or after `from` that matches. */
static bool wall_next(const struct calspec *spec, int64_t from, int64_t *ret)
{
    int64_t value[FIELD_COUNT];
    int id = 0;

    split(from > 0 ? from : 0, value);
    while (id < FIELD_COUNT) {
        int64_t v = id == FIELD_DAY
                        ? day_next(spec, value)
                        : field_next(&spec->field[id], false, calspec_bounds[id].max, value[id]);

        if (v < 0 && id == 0)
            return false;
        if (v != value[id])
            for (int i = id + (v >= 0); i < FIELD_COUNT; i++)
                value[i] = calspec_bounds[i].min;
        if (v < 0)
            value[--id]++;
        else
            value[id++] = v;
    }
    *ret = join(value);
    return true;
}

/* The latest second of wall-clock time that the clock has shown up to t. */
static int64_t shown_until(const struct zone *z, int64_t t)
{
    int64_t start = t - OFFSET_SPAN;
    int64_t latest = INT64_MIN;

    for (;;) {
        int64_t end = zone_next_change(z, start), offset = zone_offset(z, start);
        int64_t shown = t < end ? t + offset : end + offset - 1;

        if (shown > latest)
            latest = shown;
        if (t < end)
            return latest;
        start = end;
    }
}

/* When the clock first shows the second of `wall` or something later. */
static int64_t instant_of(const struct zone *z, int64_t wall)
{
    int64_t value[FIELD_COUNT];
    struct wall w;

    split(wall, value);
    w = (struct wall){
        .year = (int)value[FIELD_YEAR],
        .month = (int)value[FIELD_MONTH],
        .day = (int)value[FIELD_DAY],
        .hour = (int)value[FIELD_HOUR],
        .minute = (int)value[FIELD_MINUTE],
        .second = (int)(value[FIELD_SECOND] / SECOND_US),
    };
    return zone_instant(z, &w, NULL);
}

static bool next_by_wall(const struct calspec *spec, const struct zone *z, int64_t after,
                         int64_t *ret)
{
    int64_t wall;

    if (!wall_next(spec, (shown_until(z, after) + 1) * SECOND_US, &wall))
        return false;
    *ret = instant_of(z, wall);
    return true;
}

/* One stretch a turn, from `start` on; its first match is wanted at or after `from`. */
static bool next_by_elapsed(const struct calspec *spec, const struct zone *z, int64_t after,
                            int64_t *ret)
{
    int64_t start = after;
    int64_t from = (after + zone_offset(z, after) + 1) * SECOND_US;

    for (;;) {
        int64_t end = zone_next_change(z, start), offset = zone_offset(z, start);
        int64_t wall = 0;
        bool found = wall_next(spec, from, &wall);

        if (found && (end == INT64_MAX || wall < (end + offset) * SECOND_US)) {
            *ret = wall / SECOND_US - offset;
            return true;
        }
        /* Stretches that cannot show `from` again lead nowhere before `wall` comes near. */
        if (end > start + OFFSET_SPAN) {
            if (!found)
                return false;
            if (end < wall / SECOND_US - OFFSET_SPAN)
                end = wall / SECOND_US - OFFSET_SPAN;
        }
        start = end;
        from = (start + zone_offset(z, start)) * SECOND_US;
    }
}

bool calspec_next(const struct calspec *spec, const struct zone *local, int64_t after, int64_t *ret)
{
    const struct zone *z = spec->zone ? spec->zone : local;

    if (after > SEARCH_END)
        return false;
    if (after < SEARCH_START)
        after = SEARCH_START;
    if (spec->field[FIELD_HOUR].parts.n == 0)
        return next_by_elapsed(spec, z, after, ret);
    return next_by_wall(spec, z, after, ret);
}

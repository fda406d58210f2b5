/* SPDX-License-Identifier: MIT */
#include "report/gather/month.h"

#include <stdlib.h>

#include "base/cleanup.h"

static int64_t midnight(const struct zone *zone, const struct month_date *d)
{
    const struct wall w = {.year = d->year, .month = d->month, .day = d->day};

    return zone_instant(zone, &w, NULL);
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

static struct month_date day_after(const struct month_date *d)
{
    struct month_date ret = *d;

    if (++ret.day <= days_of_month(d->year, d->month))
        return ret;
    ret.day = 1;
    if (++ret.month > 12) {
        ret.month = 1;
        ret.year++;
    }
    return ret;
}

struct month_date month_end_of(const struct month_date *d, int months)
{
    int month = d->month - 1 + months;
    struct month_date ret = {d->year + month / 12, month % 12 + 1, 0};

    ret.day = days_of_month(ret.year, ret.month);
    return ret;
}

void month_span(const struct zone *zone, const struct month_date *from, const struct month_date *to,
                int64_t *ret_from, int64_t *ret_to)
{
    struct month_date end = day_after(to);

    *ret_from = midnight(zone, from);
    *ret_to = midnight(zone, &end);
}

struct month_date month_date_of(const struct zone *zone, int64_t t)
{
    struct wall w;

    zone_wall(zone, t, &w);
    return (struct month_date){w.year, w.month, w.day};
}

/* The wall clock right before the change shows what it would have gone on to. */
static void add_changes(const struct zone *zone, int64_t from, int64_t to, struct month_view *ret)
{
    for (int64_t t = zone_next_change(zone, from - 1); t < to; t = zone_next_change(zone, t)) {
        int shift = zone_offset(zone, t) - zone_offset(zone, t - 1);
        struct wall old, new;

        if (shift == 0)
            continue;
        zone_wall(zone, t - 1, &old);
        zone_wall(zone, t, &new);
        if (++old.second == 60) {
            old.second = 0;
            if (++old.minute == 60) {
                old.minute = 0;
                old.hour = (old.hour + 1) % 24;
            }
        }
        *VEC_ADD(&ret->notes) =
            (struct month_note){{new.year, new.month, new.day},
                                xasprintf("the clock goes from %02d:%02d to %02d:%02d", old.hour,
                                          old.minute, new.hour, new.minute)};
    }
}

void month_gather(const struct dues *dues, const struct zone *zone, struct month_view *ret)
{
    int64_t from, to;

    month_span(zone, &ret->from, &ret->to, &from, &to);
    for (size_t i = 0; i < dues->n; i++) {
        struct wall w;

        zone_wall(zone, dues->items[i].at, &w);
        *VEC_ADD(&ret->entries) = (struct month_entry){
            {w.year, w.month, w.day}, w.hour, w.minute, due_kind_name(dues->items[i].kind)};
    }
    add_changes(zone, from, to, ret);
    if (dues->cut)
        *VEC_ADD(&ret->notes) = (struct month_note){
            ret->to, xasprintf("more than %d times: the last days are not all there", DUE_MAX)};
}

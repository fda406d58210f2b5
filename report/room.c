/* SPDX-License-Identifier: MIT */
#include "report/room.h"

#define DAY 86400
#define LEAST_DAYS 3
#define FAR (INT64_C(100) * 365 * DAY) /* what is later than that is never */

/* Least squares. The slope, in bytes a second. */
static double slope(const struct room_sample *s, size_t n)
{
    double t = 0, used = 0, tt = 0, tu = 0;

    for (size_t i = 0; i < n; i++) {
        t += (double)(s[i].at - s[0].at) / (double)n;
        used += (double)(s[i].total - s[i].free) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double dt = (double)(s[i].at - s[0].at) - t;

        tt += dt * dt;
        tu += dt * ((double)(s[i].total - s[i].free) - used);
    }
    return tt > 0 ? tu / tt : 0;
}

struct room_trend room_trend(const struct room_list *l, uint64_t reserve, int64_t now)
{
    struct room_trend ret = {0};
    const struct room_sample *last;
    size_t from = 0;
    double rate, left;

    while (from < l->n && l->items[from].at < now - ROOM_DAYS * DAY)
        from++;
    if (l->n - from < LEAST_DAYS)
        return ret;
    last = &l->items[l->n - 1];
    if (last->at - l->items[from].at < (LEAST_DAYS - 1) * DAY)
        return ret;
    rate = slope(l->items + from, l->n - from);
    ret.days = (int)((last->at - l->items[from].at) / DAY);
    ret.per_day = rate * DAY;
    left = last->free > reserve ? (double)(last->free - reserve) : 0;
    if (rate > 0 && left / rate < (double)FAR)
        ret.full_at = last->at + (int64_t)(left / rate);
    return ret;
}

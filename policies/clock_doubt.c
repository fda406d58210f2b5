/* SPDX-License-Identifier: MIT */
#include "policies/clock_doubt.h"

#include "policies/dates.h"

#define HOUR 3600
#define DAY INT64_C(86400)

bool clock_is_unset(int64_t now)
{
    return now < DATE_FIRST;
}

bool clock_leapt(int64_t last, int64_t elapsed, int64_t uptime, int64_t now)
{
    if (last < DATE_FIRST || clock_is_unset(now))
        return false;
    if (elapsed >= 0 && uptime > HOUR)
        return now > last + elapsed + DAY;
    return now > last + 30 * DAY;
}

bool clock_hold_lasts(int64_t since, int64_t now)
{
    return now >= since - DATE_SLACK && now < since + CLOCK_HOLD_S;
}

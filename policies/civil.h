/* SPDX-License-Identifier: MIT
 *
 * civil: days and dates of the proleptic Gregorian calendar.  Private to policies/.
 *
 * A year is counted from March here, so that the day which leap years add is the last one; 400
 * years are 146097 days.
 */
#ifndef VMKEEP_POLICIES_CIVIL_H
#define VMKEEP_POLICIES_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define DAY_SECONDS INT64_C(86400)
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

/* Divides and rounds down, for negative dividends too. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static inline bool is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap_year(year));
}

/* Days since 1970-01-01. */
static inline int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           DAYS_TO_EPOCH;
}

static inline void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + DAYS_TO_EPOCH;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;

    *ret_day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *ret_month = (int)(m < 10 ? m + 3 : m - 9);
    *ret_year = era * 400 + year_of_era + (*ret_month <= 2);
}

/* 1 = Monday .. 7 = Sunday. 1970-01-01 was a Thursday. */
static inline int weekday_of_days(int64_t days)
{
    int64_t n = days + 3;

    return (int)(n - floor_div(n, 7) * 7) + 1;
}

#endif

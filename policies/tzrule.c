/* SPDX-License-Identifier: MIT */
#include "policies/tzrule.h"

#include <ctype.h>
#include <string.h>

#include "policies/civil.h"

/* What a rule that names a summer time without dates means everywhere. */
#define DEFAULT_CHANGES ",M3.2.0,M11.1.0"

static bool skip_name(const char **p)
{
    const char *start = *p;

    if (**p == '<') {
        while (**p && **p != '>')
            (*p)++;
        return *(*p)++ == '>' && *p - start >= 5;
    }
    while (isalpha((unsigned char)**p))
        (*p)++;
    return *p - start >= 3;
}

static bool number(const char **p, int min, int max, int *ret)
{
    if (!isdigit((unsigned char)**p))
        return false;
    for (*ret = 0; isdigit((unsigned char)**p); (*p)++) {
        *ret = *ret * 10 + (**p - '0');
        if (*ret > max)
            return false;
    }
    return *ret >= min;
}

static bool skip_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_seconds(const char **p, int max_hours, int32_t *ret)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = skip_char(p, '-');

    if (!negative)
        skip_char(p, '+');
    if (!number(p, 0, max_hours, &hours))
        return false;
    if (skip_char(p, ':') && !number(p, 0, 59, &minutes))
        return false;
    if (skip_char(p, ':') && !number(p, 0, 59, &seconds))
        return false;
    *ret = hours * 3600 + minutes * 60 + seconds;
    if (negative)
        *ret = -*ret;
    return true;
}

static bool change_date(const char **p, struct tz_change *c)
{
    if (skip_char(p, 'J')) {
        c->kind = CHANGE_JULIAN;
        return number(p, 1, 365, &c->day);
    }
    if (skip_char(p, 'M')) {
        c->kind = CHANGE_WEEKDAY;
        return number(p, 1, 12, &c->month) && skip_char(p, '.') && number(p, 1, 5, &c->week) &&
               skip_char(p, '.') && number(p, 0, 6, &c->day);
    }
    c->kind = CHANGE_DAY;
    return number(p, 0, 365, &c->day);
}

static bool change(const char **p, struct tz_change *c)
{
    c->time = 2 * 3600;
    return skip_char(p, ',') && change_date(p, c) &&
           (!skip_char(p, '/') || clock_seconds(p, 167, &c->time));
}

int tz_rule_parse(const char *s, struct tz_rule *ret)
{
    struct tz_rule r = {0};
    const char *p = s;

    if (!skip_name(&p) || !clock_seconds(&p, 24, &r.std))
        return -1;
    r.std = -r.std; /* the rule counts west */
    if (*p) {
        r.has_dst = true;
        r.dst = r.std + 3600;
        if (!skip_name(&p))
            return -1;
        if (*p && *p != ',') {
            if (!clock_seconds(&p, 24, &r.dst))
                return -1;
            r.dst = -r.dst;
        }
        if (!*p)
            p = DEFAULT_CHANGES;
        if (!change(&p, &r.start) || !change(&p, &r.end) || *p)
            return -1;
    }
    *ret = r;
    return 0;
}

/* Local midnight of the day of a change, as if local time were UTC. */
static int64_t change_day(const struct tz_change *c, int64_t year)
{
    int64_t first;
    int day;

    switch (c->kind) {
    case CHANGE_JULIAN:
        return days_from_civil(year, 1, 1) + c->day - 1 + (is_leap_year(year) && c->day >= 60);
    case CHANGE_DAY:
        return days_from_civil(year, 1, 1) + c->day;
    case CHANGE_WEEKDAY:
        break;
    }
    first = days_from_civil(year, c->month, 1);
    day = (c->day - weekday_of_days(first) % 7 + 7) % 7 + (c->week - 1) * 7;
    if (day >= days_in_month(year, c->month))
        day -= 7; /* the fifth one is the last one */
    return first + day;
}

struct instant_change {
    int64_t at;
    bool to_dst;
};

/* The changes of the years around t, oldest first. When two fall together, dst begins: that is how
 * a rule says that it never ends. */
static void changes_around(const struct tz_rule *rule, int64_t t, struct instant_change ret[6])
{
    int64_t year;
    int month, day;

    civil_from_days(floor_div(t, DAY_SECONDS), &year, &month, &day);
    for (int i = 0; i < 3; i++) {
        int64_t y = year - 1 + i;

        ret[2 * i].to_dst = true;
        ret[2 * i].at = change_day(&rule->start, y) * DAY_SECONDS + rule->start.time - rule->std;
        ret[2 * i + 1].to_dst = false;
        ret[2 * i + 1].at = change_day(&rule->end, y) * DAY_SECONDS + rule->end.time - rule->dst;
    }
    for (int i = 1; i < 6; i++) {
        struct instant_change c = ret[i];
        int k = i;

        while (k > 0 && (ret[k - 1].at > c.at || (ret[k - 1].at == c.at && ret[k - 1].to_dst))) {
            ret[k] = ret[k - 1];
            k--;
        }
        ret[k] = c;
    }
}

int32_t tz_rule_offset(const struct tz_rule *rule, int64_t t)
{
    struct instant_change changes[6];
    bool dst = false;

    if (!rule->has_dst)
        return rule->std;
    changes_around(rule, t, changes);
    for (int i = 0; i < 6 && changes[i].at <= t; i++)
        dst = changes[i].to_dst;
    return dst ? rule->dst : rule->std;
}

int64_t tz_rule_next_change(const struct tz_rule *rule, int64_t t)
{
    struct instant_change changes[6];

    if (!rule->has_dst)
        return INT64_MAX;
    changes_around(rule, t, changes);
    for (int i = 0; i < 6; i++)
        if (changes[i].at > t)
            return changes[i].at;
    return INT64_MAX;
}

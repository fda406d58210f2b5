/* SPDX-License-Identifier: MIT */
#include "base/timefmt.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *format(int64_t t, bool utc, const char *fmt, char buf[TIMEFMT_MAX])
{
    time_t tt = (time_t)t;
    struct tm tm;

    if (!(utc ? gmtime_r(&tt, &tm) : localtime_r(&tt, &tm)) ||
        strftime(buf, TIMEFMT_MAX, fmt, &tm) == 0)
        snprintf(buf, TIMEFMT_MAX, "@%lld", (long long)t);
    return buf;
}

const char *time_utc(int64_t t, char buf[TIMEFMT_MAX])
{
    return format(t, true, "%Y-%m-%dT%H:%M:%SZ", buf);
}

const char *time_rfc3339_local(int64_t t, char buf[TIMEFMT_MAX])
{
    size_t len;

    format(t, false, "%Y-%m-%dT%H:%M:%S%z", buf);
    len = strlen(buf);
    if (len > 5 && len + 1 < TIMEFMT_MAX && (buf[len - 5] == '+' || buf[len - 5] == '-')) {
        memmove(buf + len - 1, buf + len - 2, 3); /* +0100 -> +01:00 */
        buf[len - 2] = ':';
    }
    return buf;
}

const char *time_local(int64_t t, char buf[TIMEFMT_MAX])
{
    if (t == 0)
        return strcpy(buf, "-");
    return format(t, false, "%Y-%m-%d %H:%M:%S", buf);
}

const char *time_filename(int64_t t, char buf[TIMEFMT_MAX])
{
    return format(t, true, "%Y-%m-%dT%H-%M-%SZ", buf);
}

/* Reads exactly `digits` digits. */
static bool number(const char **p, int digits, int min, int max, int *ret)
{
    *ret = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return false;
        *ret = *ret * 10 + (**p - '0');
    }
    return *ret >= min && *ret <= max;
}

static bool literal(const char **p, const char *set)
{
    if (!**p || !strchr(set, **p))
        return false;
    (*p)++;
    return true;
}

static bool clock_part(const char **p, struct tm *tm)
{
    if (!number(p, 2, 0, 23, &tm->tm_hour) || !literal(p, ":") || !number(p, 2, 0, 59, &tm->tm_min))
        return false;
    if (!literal(p, ":"))
        return true;
    if (!number(p, 2, 0, 59, &tm->tm_sec))
        return false;
    if (literal(p, "."))
        while (isdigit((unsigned char)**p))
            (*p)++;
    return true;
}

/* The zone behind a time: nothing (local), Z, UTC, or an offset. */
static bool zone_part(const char *p, bool *utc, int *offset)
{
    int sign, hours, minutes;

    *utc = true;
    *offset = 0;
    if (!*p) {
        *utc = false;
        return true;
    }
    if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0 || strcmp(p, " UTC") == 0)
        return true;
    if (*p != '+' && *p != '-')
        return false;
    sign = *p++ == '-' ? -1 : 1;
    if (!number(&p, 2, 0, 23, &hours) || !literal(&p, ":") || !number(&p, 2, 0, 59, &minutes) || *p)
        return false;
    *offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

int time_parse(const char *s, int64_t *ret, struct err *err)
{
    const char *p = s;
    struct tm tm = {.tm_isdst = -1}, check;
    int year, offset;
    bool utc;
    time_t t;

    if (!number(&p, 4, 1, 9999, &year) || !literal(&p, "-") || !number(&p, 2, 1, 12, &tm.tm_mon) ||
        !literal(&p, "-") || !number(&p, 2, 1, 31, &tm.tm_mday))
        goto bad;
    if ((p[0] == 'T' || p[0] == 't' || p[0] == ' ') && isdigit((unsigned char)p[1])) {
        p++;
        if (!clock_part(&p, &tm))
            goto bad;
    }
    if (!zone_part(p, &utc, &offset))
        goto bad;
    tm.tm_year = year - 1900;
    tm.tm_mon--;
    check = tm;
    check.tm_isdst = 0;
    timegm(&check); /* normalises: the 30th of February moves */
    if (check.tm_mday != tm.tm_mday)
        return err_set(err, ERR_INVALID, "'%s': there is no such day", s);
    t = utc ? timegm(&tm) : mktime(&tm);
    *ret = (int64_t)t - offset;
    return 0;
bad:
    return err_set(err, ERR_INVALID, "'%s' is not a time (want YYYY-MM-DD HH:MM:SS, or RFC 3339)",
                   s);
}

const char *duration_text(int64_t seconds, char buf[TIMEFMT_MAX])
{
    static const struct {
        int64_t size;
        char name;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    int64_t left = seconds < 0 ? 0 : seconds;

    for (size_t i = 0; i < 4; i++) {
        if (left < units[i].size && i < 3)
            continue;
        if (i < 3 && left % units[i].size / units[i + 1].size)
            snprintf(buf, TIMEFMT_MAX, "%lld%c %lld%c", (long long)(left / units[i].size),
                     units[i].name, (long long)(left % units[i].size / units[i + 1].size),
                     units[i + 1].name);
        else
            snprintf(buf, TIMEFMT_MAX, "%lld%c", (long long)(left / units[i].size), units[i].name);
        break;
    }
    return buf;
}

/* SPDX-License-Identifier: MIT
 *
 * The rules of retention as words: their names, their values, their spans.
 */
#include "policies/retention.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Nothing is kept by more than this; it keeps the arithmetic of dates within range. */
#define SPAN_PART_MAX 999999

static const char *const rule_names[2 * PERIOD_COUNT] = {
    "last",   "hourly",        "daily",        "weekly",        "monthly",        "yearly",
    "within", "within-hourly", "within-daily", "within-weekly", "within-monthly", "within-yearly",
};

const char *retention_rule_name(enum retention_period period, bool within)
{
    return rule_names[(within ? PERIOD_COUNT : 0) + (int)period];
}

int span_parse(const char *s, struct span *ret, struct err *err)
{
    static const char units[] = "ymdh";
    int part[4] = {0};
    size_t next = 0;
    const char *p = s;

    if (!*p)
        goto bad;
    while (*p) {
        const char *unit;
        size_t digits = strspn(p, "0123456789");
        long value;

        if (digits == 0 || !p[digits])
            goto bad;
        unit = strchr(units + next, p[digits]);
        if (!unit)
            goto bad;
        /* Seven digits fit any long. */
        value = digits <= 7 ? strtol(p, NULL, 10) : SPAN_PART_MAX + 1;
        if (value > SPAN_PART_MAX)
            return err_set(err, ERR_INVALID, "'%s' is too long (%d%c at most)", s, SPAN_PART_MAX,
                           *unit);
        part[unit - units] = (int)value;
        next = (size_t)(unit - units) + 1;
        p += digits + 1;
    }
    *ret = (struct span){.years = part[0], .months = part[1], .days = part[2], .hours = part[3]};
    return 0;
bad:
    return err_set(
        err, ERR_INVALID,
        "'%s' is not a span (want numbers with y, m, d, h in this order, as in 1y6m or 14d)", s);
}

bool span_is_set(const struct span *s)
{
    return s->years || s->months || s->days || s->hours;
}

char *span_format(const struct span *s)
{
    const int part[] = {s->years, s->months, s->days, s->hours};
    char buf[64];
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        if (part[i] || (i == 3 && len == 0))
            len += (size_t)snprintf(buf + len, sizeof(buf) - len, "%d%c", part[i], "ymdh"[i]);
    return xstrdup(buf);
}

static int set_count(int *count, const char *value, struct err *err)
{
    int64_t v;

    if (strcmp(value, "unlimited") == 0)
        v = -1;
    else if (!parse_int(value, -1, INT32_MAX, &v))
        return err_set(
            err, ERR_INVALID,
            "'%s' is not a number of points (want 0 or more, or -1 or unlimited for all)", value);
    *count = (int)v;
    return 0;
}

int retention_set(struct retention *r, const char *rule, const char *value, struct err *err)
{
    const char *near;

    for (int p = 0; p < PERIOD_COUNT; p++) {
        if (strcmp(rule, rule_names[p]) == 0)
            return set_count(&r->count[p], value, err);
        if (strcmp(rule, rule_names[PERIOD_COUNT + p]) == 0)
            return span_parse(value, &r->within[p], err);
    }
    near = nearest_word(rule, rule_names, ARRAY_LEN(rule_names));
    return near ? err_set(err, ERR_NOTFOUND, "no such rule '%s' (did you mean '%s'?)", rule, near)
                : err_set(err, ERR_NOTFOUND, "no such rule '%s'", rule);
}

bool retention_is_set(const struct retention *r)
{
    for (int p = 0; p < PERIOD_COUNT; p++)
        if (r->count[p] != 0 || span_is_set(&r->within[p]))
            return true;
    return false;
}

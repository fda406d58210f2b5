/* SPDX-License-Identifier: MIT
 *
 * tzrule: a time zone written as a rule, "CET-1CEST,M3.5.0,M10.5.0/3": the form of the environment
 * variable TZ that POSIX defines, with RFC 8536's extensions.  Zone files end with such a rule; it
 * holds for all times behind their last listed change.  Private to policies/.
 */
#ifndef VMKEEP_POLICIES_TZRULE_H
#define VMKEEP_POLICIES_TZRULE_H

#include <stdbool.h>
#include <stdint.h>

/* When in a year the clock changes. */
struct tz_change {
    enum { CHANGE_JULIAN, CHANGE_DAY, CHANGE_WEEKDAY } kind;
    int month, week, day; /* Jn: day 1..365 without 29 February; n: day 0..365; Mm.w.d */
    int32_t time;         /* seconds after local midnight; may be negative or beyond a day */
};

struct tz_rule {
    int32_t std, dst; /* seconds east of UTC */
    bool has_dst;
    struct tz_change start, end; /* of dst */
};

/* -1 when s is not a whole rule. */
int tz_rule_parse(const char *s, struct tz_rule *ret);

/* Seconds east of UTC at the instant t. */
int32_t tz_rule_offset(const struct tz_rule *rule, int64_t t);

/* The first change strictly after t; INT64_MAX for a rule without changes. */
int64_t tz_rule_next_change(const struct tz_rule *rule, int64_t t);

#endif

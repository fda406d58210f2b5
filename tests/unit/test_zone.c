/* SPDX-License-Identifier: MIT
 *
 * The C library is the judge of offsets; the walk over every minute is the judge of local times. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policies/civil.h"
#include "policies/tzfile.h"
#include "policies/zone.h"

#define YEAR_2200 INT64_C(7258118400)

static const char *const names[] = {
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "America/Mexico_City",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Antarctica/Troll",
    "America/Nuuk",
    "America/Caracas",
    "America/Los_Angeles",
    "Asia/Gaza",
    "Pacific/Auckland",
    "Etc/GMT+12",
};

static struct zone *open_zone(const char *name)
{
    struct zone *z = NULL;
    struct err err = ERR_INIT;

    if (zone_open(name, &z, &err) < 0)
        fail_msg("%s", err.msg);
    return z;
}

static void use_tz(const char *tz)
{
    if (tz)
        setenv("TZ", tz, 1);
    else
        unsetenv("TZ");
    tzset();
}

static void check_against_libc(const struct zone *z, const char *name, int64_t t)
{
    time_t tt = (time_t)t;
    struct tm tm;
    struct wall w;

    localtime_r(&tt, &tm);
    zone_wall(z, t, &w);
    if (tm.tm_gmtoff != zone_offset(z, t) || tm.tm_year + 1900 != w.year ||
        tm.tm_mon + 1 != w.month || tm.tm_mday != w.day || tm.tm_hour != w.hour ||
        tm.tm_min != w.minute || tm.tm_sec != w.second ||
        (tm.tm_wday + 6) % 7 + 1 != wall_weekday(&w))
        fail_msg("%s at %lld: offset %d, the C library says %ld", name, (long long)t,
                 zone_offset(z, t), tm.tm_gmtoff);
}

/* At every change from 1971 (the C library's rules begin with 1970) until 2200, and between two
 * changes at least once in 40 days. */
static void compare_with_libc(const char *name, const char *tz)
{
    struct zone *z;

    use_tz(tz);
    z = open_zone(name);
    for (int64_t t = 365 * DAY_SECONDS; t < YEAR_2200;) {
        int64_t change = zone_next_change(z, t), step = t + 40 * DAY_SECONDS + 12345;

        check_against_libc(z, tz, t - 1);
        check_against_libc(z, tz, t);
        t = change < step ? change : step;
    }
    zone_free(z);
}

static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        compare_with_libc(names[i], names[i]);
}

static void the_local_zone_is_that_of_the_environment(void **state)
{
    static const char *const zones[] = {
        "",
        ":",
        "UTC0",
        "Europe/Berlin",
        ":Asia/Gaza",
        "EST5EDT,M3.2.0,M11.1.0",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "AAA3BBB,J60/2,J300",
        "AAA-3:30BBB-5,59/0,299/23:30:30",
        "LHST-10:30LHDT-11,M10.1.0,M4.1.0",
        "No/Such",
        "/no/such/file",
        "/usr/share/zoneinfo/America/Caracas",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        compare_with_libc(NULL, zones[i]);
}

static int64_t local_seconds(const struct wall *w)
{
    return days_from_civil(w->year, w->month, w->day) * DAY_SECONDS + w->hour * 3600 +
           w->minute * 60 + w->second;
}

/* The first minute at which the clock shows w or something later. */
static int64_t walk_to(const struct zone *z, const struct wall *w)
{
    int64_t local = local_seconds(w), t = local - 52 * 3600;

    for (;; t += 60) {
        struct wall shown;

        zone_wall(z, t, &shown);
        if (local_seconds(&shown) >= local)
            return t;
    }
}

static void check_instants_around(const struct zone *z, const char *name, int64_t change)
{
    /* Walls on both sides of the change, as far as the widest gap reaches. */
    for (int64_t local = change - change % 60 - 26 * 3600; local < change + 40 * 3600;
         local += 113 * 60) {
        int64_t days = floor_div(local, DAY_SECONDS), rest = local - days * DAY_SECONDS, year, t;
        struct wall w, shown;
        bool skipped;

        civil_from_days(days, &year, &w.month, &w.day);
        w.year = (int)year;
        w.hour = (int)(rest / 3600);
        w.minute = (int)(rest / 60 % 60);
        w.second = 0;
        t = zone_instant(z, &w, &skipped);
        zone_wall(z, t, &shown);
        if (t != walk_to(z, &w) || skipped != (local_seconds(&shown) != local))
            fail_msg("%s: %04d-%02d-%02d %02d:%02d is %lld, not %lld%s", name, w.year, w.month,
                     w.day, w.hour, w.minute, (long long)walk_to(z, &w), (long long)t,
                     skipped ? " (skipped)" : "");
    }
}

static void local_times_come_where_a_walk_finds_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone *z = open_zone(names[i]);
        int64_t t = 286000000; /* offsets are whole minutes from then on */

        /* Five changes of the listed ones, the first of them 1979, and one by the rule. */
        for (int k = 0; k < 5 && zone_next_change(z, t) != INT64_MAX; k++) {
            t = zone_next_change(z, t);
            check_instants_around(z, names[i], t);
            t += 5 * 365 * DAY_SECONDS + 200 * DAY_SECONDS;
        }
        t = zone_next_change(z, INT64_C(4700000000));
        if (t != INT64_MAX)
            check_instants_around(z, names[i], t);
        zone_free(z);
    }
}

static void gaps_and_repeated_hours(void **state)
{
    static const struct {
        const char *zone;
        struct wall wall;
        int64_t instant;
        bool skipped;
    } cases[] = {
        {"Europe/Berlin", {2026, 3, 29, 1, 59, 59}, 1774745999, false},
        {"Europe/Berlin", {2026, 3, 29, 2, 0, 0}, 1774746000, true},
        {"Europe/Berlin", {2026, 3, 29, 2, 59, 59}, 1774746000, true},
        {"Europe/Berlin", {2026, 3, 29, 3, 0, 0}, 1774746000, false},
        {"Europe/Berlin", {2026, 10, 25, 2, 30, 0}, 1792888200, false},
        {"Europe/Berlin", {2026, 10, 25, 3, 0, 0}, 1792893600, false},
        {"Australia/Lord_Howe", {2026, 10, 4, 2, 15, 0}, 1791041400, true},
        {"Australia/Lord_Howe", {2026, 4, 5, 1, 45, 0}, 1775313900, false},
        {"Pacific/Apia", {2011, 12, 30, 12, 0, 0}, 1325239200, true},
        {"America/Sao_Paulo", {2018, 11, 4, 0, 30, 0}, 1541300400, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone *z = open_zone(cases[i].zone);
        bool skipped = !cases[i].skipped;

        assert_int_equal(zone_instant(z, &cases[i].wall, &skipped), cases[i].instant);
        assert_int_equal(skipped, cases[i].skipped);
        assert_int_equal(zone_instant(z, &cases[i].wall, NULL), cases[i].instant);
        zone_free(z);
    }
}

static void unknown_names_are_refused(void **state)
{
    static const char *const bad[] = {
        "",       "Nowhere/Land", "../zoneinfo/UTC", "/etc/localtime", "Europe/",
        "Europe", "zone.tab",     "tzdata.zi",       "CEST",           "europe/berlin"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = ERR_INIT;
        struct zone *z = NULL;

        if (zone_open(bad[i], &z, &err) == 0)
            fail_msg("'%s' was opened", bad[i]);
        assert_int_equal(err.code, ERR_NOTFOUND);
        assert_null(z);
    }
    zone_free(NULL);
}

static void far_instants_do_no_harm(void **state)
{
    static const int64_t far[] = {INT64_MIN,        INT64_MIN + 1, INT64_MIN / 8192,
                                  INT64_MAX / 8192, INT64_MAX - 1, INT64_MAX};
    const struct wall late = {20000, 1, 1, 0, 0, 0}, early = {-20000, 1, 1, 0, 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone *z = open_zone(names[i]);

        for (size_t k = 0; k < ARRAY_LEN(far); k++) {
            struct wall w;

            zone_wall(z, far[k], &w);
            assert_in_range(w.month, 1, 12);
            assert_in_range(w.day, 1, 31);
            zone_next_change(z, far[k]);
        }
        assert_true(zone_instant(z, &late, NULL) > zone_instant(z, &early, NULL));
        zone_free(z);
    }
}

/* A version 2 file: no transitions, one type, a rule. */
static size_t make_file(uint8_t *buf, int32_t offset, const char *rule)
{
    static const uint8_t head[44] = {'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 1};
    size_t n = 0;

    for (int block = 0; block < 2; block++) {
        memcpy(buf + n, head, sizeof(head));
        n += sizeof(head);
        for (int shift = 24; shift >= 0; shift -= 8)
            buf[n++] = (uint8_t)((uint32_t)offset >> shift);
        buf[n++] = 0;
        buf[n++] = 0;
        buf[n++] = 0; /* the only name is empty */
    }
    return n + (size_t)sprintf((char *)buf + n, "\n%s\n", rule);
}

static int parse_file(const uint8_t *buf, size_t len, struct err *err)
{
    uint8_t *exact = malloc(len > 0 ? len : 1); /* so that reading beyond it shows */
    struct tz_data data = {0};
    int r;

    assert_non_null(exact);
    memcpy(exact, buf, len);
    *err = ERR_INIT;
    r = tz_data_parse(exact, len, &data, err);
    if (r == 0)
        tz_data_done(&data);
    free(exact);
    return r;
}

static void damaged_files_are_refused(void **state)
{
    uint8_t buf[256];
    struct err err;
    size_t len = make_file(buf, 3600, "CET-1CEST,M3.5.0,M10.5.0/3");

    (void)state;
    assert_int_equal(parse_file(buf, len, &err), 0);
    for (size_t n = 0; n < len; n++) {
        assert_int_equal(parse_file(buf, n, &err), -1);
        assert_int_equal(err.code, ERR_CORRUPT);
    }
    len = make_file(buf, 27 * 3600, "");
    assert_int_equal(parse_file(buf, len, &err), -1);
    len = make_file(buf, 3600, "CET-1CEST,M3.5.0");
    assert_int_equal(parse_file(buf, len, &err), -1);
    len = make_file(buf, 3600, "");
    assert_int_equal(parse_file(buf, len, &err), 0);
    buf[51 + 35] = 1; /* one transition that is not there */
    assert_int_equal(parse_file(buf, len, &err), -1);
    len = make_file(buf, 3600, "");
    buf[51 + 31] = 1; /* a leap second, made of the rule's bytes */
    assert_int_equal(parse_file(buf, len + 12, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_int_equal(parse_file((const uint8_t *)"no zone", 7, &err), -1);
}

static void rules_are_read_whole_or_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "U",
                                      "UTC",
                                      "UTC0x",
                                      "UTC0,M3.2.0",
                                      "A-1BBB",
                                      "AAA0BBB,M13.1.0,M1.1.0",
                                      "AAA0BBB,M1.6.0,M1.1.0",
                                      "AAA0BBB,M1.1.7,M1.1.0",
                                      "AAA0BBB,J0,J5",
                                      "AAA0BBB,366,1",
                                      "AAA25",
                                      "AAA0:60",
                                      "AAA0BBB,J5,J9/168",
                                      "<AA0",
                                      "<A>0",
                                      "AAA0BBB,J5,J9,"};
    struct tz_rule rule;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (tz_rule_parse(bad[i], &rule) == 0)
            fail_msg("'%s' was taken for a rule", bad[i]);
    assert_int_equal(tz_rule_parse("<+0330>-3:30:15", &rule), 0);
    assert_int_equal(rule.std, 3 * 3600 + 30 * 60 + 15);
    assert_false(rule.has_dst);
    assert_int_equal(tz_rule_next_change(&rule, 0), INT64_MAX);
}

/* RFC 8536, 3.3.1: this is how a rule says that daylight saving time never ends. */
static void a_rule_may_stay_in_summer(void **state)
{
    struct tz_rule rule;

    (void)state;
    assert_int_equal(tz_rule_parse("XXX3EDT4,0/0,J365/23", &rule), 0);
    for (int64_t t = 0; t < YEAR_2200; t = tz_rule_next_change(&rule, t))
        for (int k = -1; k <= 1; k++)
            assert_int_equal(tz_rule_offset(&rule, t + k), -4 * 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(the_local_zone_is_that_of_the_environment),
        cmocka_unit_test(local_times_come_where_a_walk_finds_them),
        cmocka_unit_test(gaps_and_repeated_hours),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(far_instants_do_no_harm),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(rules_are_read_whole_or_refused),
        cmocka_unit_test(a_rule_may_stay_in_summer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

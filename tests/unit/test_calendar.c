/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/timefmt.h"
#include "policies/calendar.h"

static struct calspec *parse(const char *s)
{
    struct calspec *spec = NULL;
    struct err err = ERR_INIT;

    if (calspec_parse(s, &spec, &err) < 0)
        fail_msg("%s", err.msg);
    return spec;
}

static struct zone *open_zone(const char *name)
{
    struct zone *z = NULL;
    struct err err = ERR_INIT;

    if (zone_open(name, &z, &err) < 0)
        fail_msg("%s", err.msg);
    return z;
}

static int64_t instant(const char *s)
{
    struct err err = ERR_INIT;
    int64_t t;

    if (time_parse(s, &t, &err) < 0)
        fail_msg("%s", err.msg);
    return t;
}

/* The first half as systemd.time(7) lists them, the rest as `systemd-analyze calendar` answers. */
static const struct {
    const char *expression, *normal;
} normal_forms[] = {
    {"Sat,Thu,Mon..Wed,Sat..Sun", "Mon..Thu,Sat,Sun *-*-* 00:00:00"},
    {"Mon,Sun 12-*-* 2,1:23", "Mon,Sun 2012-*-* 01,02:23:00"},
    {"Wed *-1", "Wed *-*-01 00:00:00"},
    {"Wed..Wed,Wed *-1", "Wed *-*-01 00:00:00"},
    {"Wed, 17:48", "Wed *-*-* 17:48:00"},
    {"Wed..Sat,Tue 12-10-15 1:2:3", "Tue..Sat 2012-10-15 01:02:03"},
    {"*-*-7 0:0:0", "*-*-07 00:00:00"},
    {"10-15", "*-10-15 00:00:00"},
    {"monday *-12-* 17:00", "Mon *-12-* 17:00:00"},
    {"Mon,Fri *-*-3,1,2 *:30:45", "Mon,Fri *-*-01,02,03 *:30:45"},
    {"12,14,13,12:20,10,30", "*-*-* 12,13,14:10,20,30:00"},
    {"12..14:10,20,30", "*-*-* 12..14:10,20,30:00"},
    {"mon,fri *-1/2-1,3 *:30:45", "Mon,Fri *-01/2-01,03 *:30:45"},
    {"03-05 08:05:40", "*-03-05 08:05:40"},
    {"08:05:40", "*-*-* 08:05:40"},
    {"05:40", "*-*-* 05:40:00"},
    {"Sat,Sun 12-05 08:05:40", "Sat,Sun *-12-05 08:05:40"},
    {"Sat,Sun 08:05:40", "Sat,Sun *-*-* 08:05:40"},
    {"2003-03-05 05:40", "2003-03-05 05:40:00"},
    {"05:40:23.4200004/3.1700005", "*-*-* 05:40:23.420000/3.170001"},
    {"2003-02..04-05", "2003-02..04-05 00:00:00"},
    {"2003-03-05 05:40 UTC", "2003-03-05 05:40:00 UTC"},
    {"2003-03-05", "2003-03-05 00:00:00"},
    {"03-05", "*-03-05 00:00:00"},
    {"minutely", "*-*-* *:*:00"},
    {"hourly", "*-*-* *:00:00"},
    {"daily", "*-*-* 00:00:00"},
    {"daily UTC", "*-*-* 00:00:00 UTC"},
    {"monthly", "*-*-01 00:00:00"},
    {"weekly", "Mon *-*-* 00:00:00"},
    {"weekly Pacific/Auckland", "Mon *-*-* 00:00:00 Pacific/Auckland"},
    {"yearly", "*-01-01 00:00:00"},
    {"annually", "*-01-01 00:00:00"},
    {"quarterly", "*-01,04,07,10-01 00:00:00"},
    {"semiannually", "*-01,07-01 00:00:00"},
    {"*:2/3", "*-*-* *:02/3:00"},

    {"DAILY utc", "*-*-* 00:00:00 UTC"},
    {"semi-annually", "*-01,07-01 00:00:00"},
    {"Mon..Fri 02:30", "Mon..Fri *-*-* 02:30:00"},
    {"Mon-Fri 02:30", "Mon..Fri *-*-* 02:30:00"},
    {"Mon..Sun", "*-*-* 00:00:00"},
    {"Mon,", "Mon *-*-* 00:00:00"},
    {"Mon  10:00", "Mon *-*-* 10:00:00"},
    {"Wednesday,thu..SATURDAY", "Wed..Sat *-*-* 00:00:00"},
    {"Sat,Mon", "Mon,Sat *-*-* 00:00:00"},
    {"0/2:00", "*-*-* 00/2:00:00"},
    {"1..22:00", "*-*-* 01..22:00:00"},
    {"1,2..5/2,9:0", "*-*-* 01,02..04/2,09:00:00"},
    {"5..5:0", "*-*-* 05:00:00"},
    {"5..8/40:0", "*-*-* 05:00:00"},
    {"5..6,5,5/2,5..7:0", "*-*-* 05,05/2,05..06,05..07:00:00"},
    {"0..30/20:0", "*-*-* 00..20/20:00:00"},
    {"0:0:49..49/5", "*-*-* 00:00:49"},
    {"0:0:29.5..60", "*-*-* 00:00:29.500000..59.500000"},
    {"*-*~1,28", "*-*~01,28 00:00:00"},
    {"*:*:*", "*-*-* *:*:*"},
    {"0:0:0/1", "*-*-* 00:00:*"},
    {"0:0:3,0/1,7", "*-*-* 00:00:*"},
    {"0:0:1.5..30", "*-*-* 00:00:01.500000..29.500000"},
    {"0:0:0.5/1", "*-*-* 00:00:00.500000/1"},
    {"0:0:0.9999999", "*-*-* 00:00:01"},
    {"*-*~1", "*-*~01 00:00:00"},
    {"*~3", "*-*~03 00:00:00"},
    {"1~3", "*-01~03 00:00:00"},
    {"*-*~*", "*-*-* 00:00:00"},
    {"Mon *-05~07/1", "Mon *-05~07/1 00:00:00"},
    {"*-*~5..25/7", "*-*~05..19/7 00:00:00"},
    {"69-1-1", "2069-01-01 00:00:00"},
    {"70..69-1-1", "1970..2069-01-01 00:00:00"},
    {"2010..20-1-1", "2010..2020-01-01 00:00:00"},
    {"10/5-1-1", "2010/5-01-01 00:00:00"},
    {"@1234567890", "2009-02-13 23:31:30 UTC"},
    {"Mon @5 UTC", "Mon 1970-01-01 00:00:05 UTC"},
    {"@5 Europe/Berlin", "1970-01-01 00:00:05 UTC"},
};

static void expressions_have_a_normal_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(normal_forms); i++) {
        struct calspec *spec = parse(normal_forms[i].expression), *again;
        char *text = calspec_format(spec), *text_again;

        assert_string_equal(text, normal_forms[i].normal);
        again = parse(text);
        text_again = calspec_format(again);
        assert_string_equal(text_again, text);
        free(text);
        free(text_again);
        calspec_free(spec);
        calspec_free(again);
    }
}

static const struct {
    const char *expression, *why;
} refused[] = {
    {"", "the expression is empty"},
    {" ", "' ' at character 1"},
    {" daily", "' ' at character 1"}, /* a word behind a space is one */
    {"daily ", "'daily' at character 1"},
    {"dayly", "'dayly' at character 1, where a weekday"},
    {"10", "it ends where '-' in a date, or ':' in a time is wanted"},
    {"10:", "it ends where a number is wanted"},
    {"10-", "it ends where a number is wanted"},
    {"10:2x", "'x' at character 5, where the end of the time is wanted"},
    {"10:00 ", "' ' at character 6"},
    {"10-11-12-13", "'-' at character 9, where the end of the date"},
    {"10:11:12:13", "':' at character 9, where the end of the time"},
    {"2026-01-01T10:00", "'T' at character 11"},
    {"2026-01-01 10", "it ends where ':' after the hour is wanted"},
    {"*", "it ends where"},
    {"*/2:00", "'/' at character 2"},
    {"1,*:0", "'*' at character 3"},
    {"1,:0", "':' at character 3, where a number"},
    {"1..:0", "':' at character 4, where a number"},
    {"1.5:0", "'.' at character 2"},
    {"0:0:1.", "a fraction of a second"},
    {"Fri..Mon", "the weekdays Fri..Mon run backwards"},
    {"Mon..", "it ends where a range's last weekday"},
    {"Mon..Tue..Wed", "'.' at character 9"},
    {"Mon,,Tue", "',' at character 5"},
    {"Mon,10:00", "'1' at character 5"},
    {"Mond", "'Mond' at character 1"},
    {"daily Foo/Bar", "'Foo/Bar' is not a time zone of this system"},
    {"every 2 minutes", "'every' at character 1"},
    {"every 2 minutes", "every five minutes is '*:0/5'"},
    {"2 hours", "every two hours is '0/2:00'"},
    {"Mon 10:00 Europe/Berln", "'Europe/Berln' is not a time zone of this system"},
    {"daily CEST", "'CEST' is not a time zone of this system"},
    {"daily UTC UTC", "'daily' at character 1"},
    {"24:00", "hour 24 is out of range (0 to 23)"},
    {"23:60", "minute 60 is out of range (0 to 59)"},
    {"23:59:60", "second 60 is out of range (0 to 59)"},
    {"23:59:59.9999999", "second 60 is out of range"},
    {"1-13-1", "month 13 is out of range (1 to 12)"},
    {"1-0-1", "month 0 is out of range"},
    {"1-1-32", "day 32 is out of range (1 to 31)"},
    {"*-*-31..32", "day 32 is out of range"},
    {"*-1~29", "day before the month's end 29 is out of range (1 to 28)"},
    {"1969-1-1", "year 1969 is out of range (1970 to 2199)"},
    {"100-1-1", "year 100 is out of range"},
    {"2200-1-1", "year 2200 is out of range"},
    {"5..3:0", "hour: the range 5..3 runs backwards"},
    {"20..26/4:0", "hour 24 is out of range"},
    {"0:0:49..49", "second: the range is shorter than a second"},
    {"0:0:49.5..50", "second: the range is shorter than a second"},
    {"5/0:0", "hour: a repetition by 0"},
    {"5/19:0", "hour: a repetition by 19 from 5 never comes to a second value"},
    {"*-*~3/3", "a repetition by 3 from 3 never comes"},
    {"99999999999999999999:0", "hour: the number is too large"},
    {"0:0:0/99999999999999999999", "second: the number is too large"},
    {"2026/0-1-1", "year: a repetition by 0"},
    {"2026-1~3-1", "'-' at character 9"},
    {"1~2~3", "'~' at character 2, where '-' after the year"},
    {"@", "it ends where a number of seconds"},
    {"@1.5", "'.' at character 3"},
    {"@7258118400", "after the year 2199"},
    {"@99999999999999999999", "after the year 2199"},
};

static void errors_name_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct calspec *spec = NULL;
        struct err err = ERR_INIT;

        if (calspec_parse(refused[i].expression, &spec, &err) == 0)
            fail_msg("'%s' was accepted", refused[i].expression);
        assert_null(spec);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.msg, refused[i].why))
            fail_msg("'%s': \"%s\" instead of \"%s\"", refused[i].expression, err.msg,
                     refused[i].why);
    }
    calspec_free(NULL);
}

static void lists_have_a_limit(void **state)
{
    struct calspec *spec = NULL;
    struct err err = ERR_INIT;
    char text[600] = "0:0:1";

    (void)state;
    for (int i = 1; i < 240; i++)
        strcat(text, ",1");
    spec = parse(text);
    calspec_free(spec);
    strcat(text, ",1");
    assert_int_equal(calspec_parse(text, &spec, &err), -1);
    assert_non_null(strstr(err.msg, "more than 240 values"));
}

#define MORE "..."

/* The elapses after a time, until an empty string (none follow) or MORE. */
static const struct {
    const char *zone, *expression, *after;
    const char *elapses[8];
} sequences[] = {
    {"UTC", "2026-02-29", "2026-01-01Z", {""}},
    {"UTC", "*-04-31", "2026-01-01Z", {""}},
    {"UTC", "*-04-31 *:*:*", "2026-01-01Z", {""}},
    {"UTC", "Fri 2026-01-01", "2020-01-01Z", {""}},
    {"UTC", "Mon @5", "1969-01-01Z", {""}},
    {"UTC", "Thu @5", "1969-01-01Z", {"1970-01-01 00:00:05", ""}},
    {"UTC", "*-*-* 00:00", "1969-06-01Z", {"1970-01-01 00:00", MORE}},
    {"UTC", "*-02-29", "2026-01-01Z", {"2028-02-29", "2032-02-29", MORE}},
    {"UTC",
     "Thu *-02-29",
     "2026-01-01Z",
     {"2052-02-29", "2080-02-29", "2120-02-29", "2148-02-29", "2176-02-29", ""}},
    {"UTC",
     "*:0/15",
     "2199-12-31 23:00Z",
     {"2199-12-31 23:15", "2199-12-31 23:30", "2199-12-31 23:45", ""}},
    {"UTC",
     "*-*~01..07/2",
     "2026-01-01Z",
     {"2026-01-25", "2026-01-27", "2026-01-29", "2026-01-31", "2026-02-22", MORE}},
    {"UTC", "*-*~10/5", "2026-01-01Z", {"2026-01-22", "2026-01-27", "2026-02-19", MORE}},
    {"UTC", "Mon *-05~07/1", "2026-01-01Z", {"2026-05-25", "2027-05-31", MORE}},
    {"UTC",
     "*-01/5-01",
     "2026-01-01Z",
     {"2026-06-01", "2026-11-01", "2027-01-01", "2027-06-01", MORE}},
    {"UTC", "2000/13-01-01", "2026-01-01Z", {"2039-01-01", "2052-01-01", MORE}},
    {"UTC",
     "*-*-28..31 12:00",
     "2026-02-27Z",
     {"2026-02-28 12:00", "2026-03-28 12:00", "2026-03-29 12:00", MORE}},
    /* A repetition begins anew in each unit. */
    {"UTC",
     "*:9/21",
     "2026-12-31 23:40Z",
     {"2026-12-31 23:51", "2027-01-01 00:09", "2027-01-01 00:30", MORE}},
    {"UTC", "*-*-3/8", "2026-12-27Z", {"2027-01-03", "2027-01-11", MORE}},
    {"UTC", "0/7:30", "2026-04-30 21:30Z", {"2026-05-01 00:30", "2026-05-01 07:30", MORE}},
    /* A fraction elapses with the second that it lies in; what falls on one second elapses once. */
    {"UTC",
     "0:0:58.7/0.4",
     "2026-01-01Z",
     {"2026-01-01 00:00:58", "2026-01-01 00:00:59", "2026-01-02 00:00:58", MORE}},
    {"UTC", "*:*:59.5", "2026-01-01Z", {"2026-01-01 00:00:59", "2026-01-01 00:01:59", MORE}},
    {"UTC", "*:*:0.5", "2026-01-01Z", {"2026-01-01 00:01", "2026-01-01 00:02", MORE}},
    {"UTC", "23:59:59.5", "2026-12-31Z", {"2026-12-31 23:59:59", "2027-01-01 23:59:59", MORE}},

    /* A gap of an hour. */
    {"Europe/Berlin",
     "02:00",
     "2026-03-28 00:00Z",
     {"2026-03-28 01:00", "2026-03-29 01:00", "2026-03-30 00:00", MORE}},
    {"Europe/Berlin", "02:30", "2026-03-28 12:00Z", {"2026-03-29 01:00", "2026-03-30 00:30", MORE}},
    {"Europe/Berlin",
     "2:0/15",
     "2026-03-29 00:59Z",
     {"2026-03-29 01:00", "2026-03-30 00:00", MORE}},
    {"Europe/Berlin",
     "2,3:00",
     "2026-03-29 00:00Z",
     {"2026-03-29 01:00", "2026-03-30 00:00", MORE}},
    {"Europe/Berlin",
     "0/1:30",
     "2026-03-29 00:00Z",
     {"2026-03-29 00:30", "2026-03-29 01:00", "2026-03-29 01:30", MORE}},
    {"Europe/Berlin",
     "*:30",
     "2026-03-29 00:00Z",
     {"2026-03-29 00:30", "2026-03-29 01:30", "2026-03-29 02:30", MORE}},
    {"Europe/Berlin",
     "2:59:59.5",
     "2026-03-28 02:00Z",
     {"2026-03-29 01:00", "2026-03-30 00:59:59", MORE}},
    {"Europe/Berlin",
     "1:59:59.5",
     "2026-03-28 02:00Z",
     {"2026-03-29 00:59:59", "2026-03-29 23:59:59", MORE}},
    /* An hour that comes twice. */
    {"Europe/Berlin", "02:30", "2026-10-24 12:00Z", {"2026-10-25 00:30", "2026-10-26 01:30", MORE}},
    {"Europe/Berlin", "02:00", "2026-10-25 00:00Z", {"2026-10-26 01:00", MORE}},
    {"Europe/Berlin",
     "2:59:59.5",
     "2026-10-25 00:00Z",
     {"2026-10-25 00:59:59", "2026-10-26 01:59:59", MORE}},
    {"Europe/Berlin",
     "0/1:30",
     "2026-10-25 00:00Z",
     {"2026-10-25 00:30", "2026-10-25 02:30", MORE}},
    {"Europe/Berlin",
     "*:0/30",
     "2026-10-25 00:10Z",
     {"2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30", "2026-10-25 02:00", MORE}},
    {"Europe/Berlin",
     "Sun *-10~07/1 *:30",
     "2026-10-25 00:00Z",
     {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30", MORE}},
    {"Europe/Berlin",
     "2026-10-25 *:59",
     "2026-10-25 00:00Z",
     {"2026-10-25 00:59", "2026-10-25 01:59", "2026-10-25 02:59", MORE}},
    /* Changes of half an hour: 02:00 becomes 02:30, and 01:30 comes again. */
    {"Australia/Lord_Howe",
     "02:15",
     "2026-10-03 00:00Z",
     {"2026-10-03 15:30", "2026-10-04 15:15", MORE}},
    {"Australia/Lord_Howe",
     "*:45",
     "2026-04-04 14:00Z",
     {"2026-04-04 14:45", "2026-04-04 15:15", "2026-04-04 16:15", MORE}},
    {"Australia/Lord_Howe",
     "01:45",
     "2026-04-04 14:00Z",
     {"2026-04-04 14:45", "2026-04-05 15:15", MORE}},
    /* Changes at midnight: a day that begins at 01:00, and one whose last hour comes twice. */
    {"America/Sao_Paulo",
     "daily",
     "2018-11-03 12:00Z",
     {"2018-11-04 03:00", "2018-11-05 02:00", MORE}},
    {"America/Sao_Paulo",
     "Sun",
     "2018-11-03 12:00Z",
     {"2018-11-04 03:00", "2018-11-11 02:00", MORE}},
    {"America/Sao_Paulo",
     "23:30",
     "2018-02-17 12:00Z",
     {"2018-02-18 01:30", "2018-02-19 02:30", MORE}},
    {"America/Sao_Paulo",
     "Sat *:30",
     "2018-02-18 01:00Z",
     {"2018-02-18 01:30", "2018-02-18 02:30", "2018-02-24 03:30", MORE}},
    {"Africa/Cairo", "Fri", "2024-04-25 12:00Z", {"2024-04-25 22:00", "2024-05-02 21:00", MORE}},
    {"Asia/Beirut", "00:30", "2024-03-30 12:00Z", {"2024-03-30 22:00", "2024-03-31 21:30", MORE}},
    /* A day that never was: 2011-12-30. */
    {"Pacific/Apia",
     "12:00",
     "2011-12-29 12:00Z",
     {"2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00", MORE}},
    {"Pacific/Apia", "*-*-30", "2011-12-29 12:00Z", {"2011-12-30 10:00", "2012-01-29 10:00", MORE}},
    {"Pacific/Apia", "*-12-30 *:00", "2011-12-29 12:00Z", {"2012-12-29 10:00", MORE}},
    {"Pacific/Apia",
     "0/6:00",
     "2011-12-30 03:00Z",
     {"2011-12-30 04:00", "2011-12-30 10:00", "2011-12-30 16:00", "2011-12-30 22:00", MORE}},
    /* The expression's own zone goes before the local one; the rule holds after 2037. */
    {"Europe/Berlin", "02:30 UTC", "2026-03-28 12:00Z", {"2026-03-29 02:30", MORE}},
    {"UTC", "02:30 Europe/Berlin", "2026-03-28 12:00Z", {"2026-03-29 01:00", MORE}},
    {"Europe/Berlin", "02:30", "2150-03-28 12:00Z", {"2150-03-29 01:00", "2150-03-30 00:30", MORE}},
    {"Europe/Dublin", "12:00", "2150-07-01 00:00Z", {"2150-07-01 11:00", MORE}},
};

static void elapses_follow_the_clock(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
        struct calspec *spec = parse(sequences[i].expression);
        struct zone *z = open_zone(sequences[i].zone);
        int64_t t = instant(sequences[i].after);

        for (size_t k = 0; strcmp(sequences[i].elapses[k], MORE) != 0; k++) {
            const char *want = sequences[i].elapses[k];
            CLEANUP_FREE char *want_utc = *want ? xasprintf("%sZ", want) : NULL;
            bool found = calspec_next(spec, z, t, &t);
            char got[TIMEFMT_MAX];

            if (found != (want_utc != NULL) || (found && t != instant(want_utc)))
                fail_msg("%s: '%s' after %s: elapse %zu is %s, not %s", sequences[i].zone,
                         sequences[i].expression, sequences[i].after, k + 1,
                         found ? time_utc(t, got) : "never", *want ? want : "never");
            if (!found)
                break;
        }
        calspec_free(spec);
        zone_free(z);
    }
}

static void any_instant_may_be_asked_for(void **state)
{
    static const int64_t far[] = {INT64_MIN, -1, 0, INT64_MAX - 1, INT64_MAX};
    static const char *const expressions[] = {"*:*:*", "0/1:00", "2199-12-31 23:59:59"};
    struct zone *z = open_zone("Pacific/Apia");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
        struct calspec *spec = parse(expressions[i]);

        for (size_t k = 0; k < ARRAY_LEN(far); k++) {
            int64_t t;
            bool found = calspec_next(spec, z, far[k], &t);

            assert_int_equal(found, far[k] <= 0);
            if (found)
                assert_true(t > far[k]);
        }
        calspec_free(spec);
    }
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_have_a_normal_form),
        cmocka_unit_test(errors_name_place_and_reason),
        cmocka_unit_test(lists_have_a_limit),
        cmocka_unit_test(elapses_follow_the_clock),
        cmocka_unit_test(any_instant_may_be_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

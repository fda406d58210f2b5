/* SPDX-License-Identifier: MIT
 *
 * Random expressions against a model that knows nothing of searching: it walks over every minute
 * around a change of the clock and asks whether the minute matches.
 * The seed is printed; SEED=N repeats a run.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "policies/calendar.h"

static unsigned long seed;

static uint64_t random_below(uint64_t n)
{
    static uint64_t random_state;

    if (random_state == 0)
        random_state = seed * 2 + 1;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % n;
}

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

struct model {
    unsigned weekdays; /* bit 0: Monday; 0: any */
    bool from_end;
    uint64_t days; /* bit 1 .. 31; 0: any */
    bool any_hour;
    uint64_t hours, minutes;
};

static uint64_t random_set(unsigned min, unsigned max)
{
    uint64_t set = 0;

    for (uint64_t n = 1 + random_below(4); n > 0; n--)
        set |= UINT64_C(1) << (min + random_below(max - min + 1));
    return set;
}

static char *set_text(uint64_t set)
{
    char *text = NULL;

    for (int i = 0; i < 64; i++) {
        char *longer;

        if (!(set & UINT64_C(1) << i))
            continue;
        longer = text ? xasprintf("%s,%d", text, i) : xasprintf("%d", i);
        free(text);
        text = longer;
    }
    return text ? text : xstrdup("*");
}

static char *model_random(struct model *m)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    CLEANUP_FREE char *days = NULL, *hours = NULL, *minutes = NULL, *weekdays = xstrdup("");

    *m = (struct model){.any_hour = random_below(3) == 0, .from_end = random_below(2)};
    if (random_below(3) == 0)
        m->weekdays = (unsigned)random_set(0, 6);
    if (random_below(3) == 0)
        m->days = random_set(1, m->from_end ? 28 : 31);
    m->hours = random_below(2) ? random_set(0, 4) : random_set(0, 23);
    m->minutes = random_set(0, 59);
    for (int i = 0; i < 7; i++) {
        if (m->weekdays & 1u << i) {
            char *more = xasprintf("%s%s%s", weekdays, *weekdays ? "," : "", names[i]);

            free(weekdays);
            weekdays = more;
        }
    }
    days = set_text(m->days);
    hours = m->any_hour ? xstrdup("*") : set_text(m->hours);
    minutes = set_text(m->minutes);
    return xasprintf("%s%s*-*%c%s %s:%s", weekdays, *weekdays ? " " : "", m->from_end ? '~' : '-',
                     days, hours, minutes);
}

static int month_length(int year, int month)
{
    return month == 2 ? 28 + (year % 4 == 0 && (year % 100 || year % 400 == 0))
                      : 30 + ((month + month / 8) % 2);
}

static bool model_matches(const struct model *m, const struct wall *w)
{
    int day = m->from_end ? month_length(w->year, w->month) + 1 - w->day : w->day;

    return (!m->weekdays || m->weekdays & 1u << (wall_weekday(w) - 1)) &&
           (!m->days || m->days & UINT64_C(1) << day) &&
           (m->any_hour || m->hours & UINT64_C(1) << w->hour) &&
           m->minutes & UINT64_C(1) << w->minute;
}

/* Minutes of local time on one scale, so that they can be compared and counted on. */
static int64_t wall_minutes(const struct wall *w)
{
    struct tm tm = {.tm_year = w->year - 1900,
                    .tm_mon = w->month - 1,
                    .tm_mday = w->day,
                    .tm_hour = w->hour,
                    .tm_min = w->minute};

    return timegm(&tm) / 60;
}

static struct wall wall_of_minutes(int64_t minutes)
{
    time_t t = (time_t)minutes * 60;
    struct tm tm;

    gmtime_r(&t, &tm);
    return (struct wall){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, 0};
}

#define LEAD_MINUTES (60 * 60) /* walked before the window, to see what has been shown */
#define WINDOW_MINUTES (72 * 60)

struct window {
    int64_t start;                                /* a whole minute */
    int64_t shown[LEAD_MINUTES + WINDOW_MINUTES]; /* wall_minutes of each minute */
    bool elapses[LEAD_MINUTES + WINDOW_MINUTES];
};

static void window_fill(struct window *win, const struct zone *z, int64_t change)
{
    win->start = (change / 60 - LEAD_MINUTES - WINDOW_MINUTES / 2) * 60;
    for (int i = 0; i < LEAD_MINUTES + WINDOW_MINUTES; i++) {
        struct wall w;

        zone_wall(z, win->start + i * 60, &w);
        win->shown[i] = wall_minutes(&w);
    }
}

/* What docs/design.md says about clock changes, minute by minute. */
static void window_judge(struct window *win, const struct model *m)
{
    int64_t latest = win->shown[0];

    for (int i = 0; i < LEAD_MINUTES + WINDOW_MINUTES; i++) {
        struct wall w = wall_of_minutes(win->shown[i]);

        win->elapses[i] = m->any_hour && model_matches(m, &w);
        for (int64_t k = latest + 1; !m->any_hour && k <= win->shown[i]; k++) {
            w = wall_of_minutes(k);
            win->elapses[i] |= model_matches(m, &w);
        }
        if (win->shown[i] > latest)
            latest = win->shown[i];
    }
}

static void window_check(const struct window *win, const struct calspec *spec, const struct zone *z,
                         const char *what)
{
    int64_t end = win->start + (LEAD_MINUTES + WINDOW_MINUTES) * 60;

    for (int n = 0; n < 12; n++) {
        int64_t after = win->start + LEAD_MINUTES * 60 + (int64_t)random_below(WINDOW_MINUTES * 60);
        int64_t i = (after - win->start) / 60 + 1, got = INT64_MAX;

        while (i < LEAD_MINUTES + WINDOW_MINUTES && !win->elapses[i])
            i++;
        if (calspec_next(spec, z, after, &got))
            assert_true(got > after);
        if (i < LEAD_MINUTES + WINDOW_MINUTES ? got != win->start + i * 60 : got < end)
            fail_msg("%s after %lld: %lld instead of %lld", what, (long long)after, (long long)got,
                     (long long)(win->start + i * 60));
    }
}

static void random_expressions_elapse_as_a_walk_says(void **state)
{
    static const char *const zones[] = {
        "Europe/Berlin",     "Australia/Lord_Howe", "America/Sao_Paulo",   "Africa/Cairo",
        "Asia/Beirut",       "Pacific/Apia",        "America/Mexico_City", "Antarctica/Troll",
        "Africa/Casablanca", "Pacific/Kwajalein",   "Asia/Pyongyang",      "America/Caracas",
        "America/Nuuk",      "Asia/Gaza",           "Asia/Kathmandu",
    };
    struct window *win = xcalloc(1, sizeof(*win));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        struct zone *z = open_zone(zones[i]);

        for (int round = 0; round < 6; round++) {
            int64_t change = zone_next_change(z, 315532800 + (int64_t)random_below(1700000000));

            if (change == INT64_MAX)
                change = 1325239200;
            if (i == 5 && round == 0)
                change = 1325239200; /* the day that Apia left out */
            window_fill(win, z, change);
            for (int k = 0; k < 6; k++) {
                struct model m;
                CLEANUP_FREE char *text = model_random(&m);
                CLEANUP_FREE char *what = xasprintf("%s: '%s'", zones[i], text);
                struct calspec *spec = parse(text);

                window_judge(win, &m);
                window_check(win, spec, z, what);
                calspec_free(spec);
            }
        }
        zone_free(z);
    }
    free(win);
}

/* The elapses are one set, wherever one begins to ask. */
static void elapses_do_not_depend_on_the_question(void **state)
{
    static const char *const expressions[] = {
        "*:*:*",       "*:0/7:0/13.5",    "1..3:0/20:10",         "Sun *-*~07/1 2:30",
        "0/1:59:59.5", "*:59:59.25/0.25", "Sat,Sun *-3,10-* *:30"};
    struct zone *z = open_zone("Europe/Berlin");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
        struct calspec *spec = parse(expressions[i]);

        for (int n = 0; n < 400; n++) {
            int64_t near = n % 2 ? 1774746000 : 1792890000; /* the changes of 2026 */
            int64_t after = near - 8000 + (int64_t)random_below(16000), first, again;

            assert_true(calspec_next(spec, z, after, &first));
            assert_true(first > after);
            /* Nothing lies between: whatever one asks from there has the same answer. */
            assert_true(
                calspec_next(spec, z, after + (int64_t)random_below(first - after), &again));
            assert_int_equal(first, again);
        }
        calspec_free(spec);
    }
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_expressions_elapse_as_a_walk_says),
        cmocka_unit_test(elapses_do_not_depend_on_the_question),
    };
    const char *wanted = getenv("SEED");

    seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    fprintf(stderr, "SEED=%lu\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

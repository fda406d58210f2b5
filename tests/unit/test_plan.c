/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "policies/plan.h"

/* When: every test is one case of `struct fixture`, times are UTC. */

static struct zone *utc;

static int64_t at(const char *s)
{
    CLEANUP_FREE char *text = xasprintf("%s UTC", s);
    struct err err = ERR_INIT;
    int64_t t = 0;

    if (s[0] && time_parse(text, &t, &err) < 0)
        fail_msg("%s", err.msg);
    return t;
}

static void add_specs(struct calspec_list *l, const char *text)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    char *save = NULL;

    for (char *s = strtok_r(copy, ";", &save); s; s = strtok_r(NULL, ";", &save)) {
        struct err err = ERR_INIT;

        if (calspec_parse(s, VEC_ADD(l), &err) < 0)
            fail_msg("%s", err.msg);
    }
}

static void specs_done(struct calspec_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        calspec_free(l->items[i]);
    free(l->items);
}

struct when {
    const char *incremental, *full; /* ";" between expressions */
    bool no_catch_up;
    const char *since, *last_due, *started, *now; /* "": never */
    const char *failed_at;                        /* last_end of a failed attempt, or NULL */
    int failures;
    enum backup_level failed_level;
    bool final; /* the failure is one that will not pass */

    const char *at; /* what is expected; NULL: never */
    enum backup_level level;
    bool missed, retry;
    const char *why;
};

static void check_when(const struct when *w)
{
    struct config_policy policy = {.catch_up = !w->no_catch_up};
    struct plan_history history = {.since = at(w->since),
                                   .last_due = at(w->last_due),
                                   .has_attempt = w->failed_at != NULL,
                                   .failed = w->failed_at != NULL && !w->final,
                                   .last_end = w->failed_at ? at(w->failed_at) : 0,
                                   .failures = w->failures,
                                   .last_level = w->failed_level};
    struct plan_due due = {0};
    bool some;

    add_specs(&policy.incremental, w->incremental);
    add_specs(&policy.full, w->full);
    some = plan_next(&policy, utc, &history, at(w->started), at(w->now), &due);
    assert_int_equal(some, w->at != NULL);
    if (some) {
        char got[TIMEFMT_MAX], wanted[TIMEFMT_MAX];

        assert_string_equal(time_utc(due.at, got), time_utc(at(w->at), wanted));
        assert_string_equal(level_name(due.level), level_name(w->level));
        assert_string_equal(due.why, w->why);
        assert_int_equal(due.missed, w->missed);
        assert_int_equal(due.retry, w->retry);
        assert_int_equal(due.due, due.retry ? history.last_due : due.at);
    }
    specs_done(&policy.incremental);
    specs_done(&policy.full);
}

/* 2026-11-23 is a Monday. */
#define INC "Mon..Sat 02:30"
#define FULL "Sun 02:30"
#define INC_TEXT "incremental, Mon..Sat *-*-* 02:30:00"
#define FULL_TEXT "full, Sun *-*-* 02:30:00"

static void schedule(void **state)
{
    static const struct when cases[] = {
        /* nothing yet: the first elapse since the policy selects the domain */
        {INC, FULL, .since = "2026-11-23 12:00", .last_due = "", .started = "2026-11-23 11:00",
         .now = "2026-11-23 12:00", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT},
        /* the next is a full */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-28 02:30", .started = "2026-11-01",
         .now = "2026-11-28 03:00", .at = "2026-11-29 02:30", .level = LEVEL_FULL,
         .why = "scheduled: " FULL_TEXT},
        /* due this second, and a little later: not missed, and still at its own time */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-24 02:30", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT},
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-24 02:31", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT},
        /* dealt with: not again in the same minute */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-24 02:30", .started = "2026-11-01",
         .now = "2026-11-24 02:30", .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT},
        /* several expressions: the earliest; the one that elapses is named */
        {"02:30;12:00;Mon 09:15", "", .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-01", .now = "2026-11-23 03:00", .at = "2026-11-23 09:15",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: incremental, Mon *-*-* 09:15:00"},
        /* both at one moment: the full */
        {"02:30", FULL, .since = "2026-01-01", .last_due = "2026-11-28 02:30",
         .started = "2026-11-01", .now = "2026-11-28 03:00", .at = "2026-11-29 02:30",
         .level = LEVEL_FULL, .why = "scheduled: " FULL_TEXT},
        {"02:30", FULL, .since = "2026-01-01", .last_due = "2026-11-28 02:30",
         .started = "2026-11-01", .now = "2026-11-29 02:30", .at = "2026-11-29 02:30",
         .level = LEVEL_FULL, .why = "scheduled: " FULL_TEXT},
        /* no schedule, and one that has ended */
        {"", "", .since = "2026-01-01", .last_due = "", .started = "2026-11-01",
         .now = "2026-11-23", .at = NULL},
        {"2020-01-01 02:30", "", .since = "2026-01-01", .last_due = "", .started = "2026-11-01",
         .now = "2026-11-23", .at = NULL},
        /* fulls alone */
        {"", "monthly", .since = "2026-11-23", .last_due = "", .started = "2026-11-23",
         .now = "2026-11-23", .at = "2026-12-01", .level = LEVEL_FULL,
         .why = "scheduled: full, *-*-01 00:00:00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

static void missed(void **state)
{
    static const struct when cases[] = {
        /* down over one elapse */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-24 08:00", .now = "2026-11-24 08:00", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .missed = true,
         .why = "missed at 2026-11-24 02:30: " INC_TEXT},
        /* down over three: one run, at the latest of them */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-26 08:00", .now = "2026-11-26 08:00", .at = "2026-11-26 02:30",
         .level = LEVEL_INCREMENTAL, .missed = true,
         .why = "missed at 2026-11-26 02:30: " INC_TEXT},
        /* a full among them: one run, full, and none of them comes back */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-20 02:30",
         .started = "2026-11-24 08:00", .now = "2026-11-24 08:00", .at = "2026-11-24 02:30",
         .level = LEVEL_FULL, .missed = true, .why = "missed at 2026-11-22 02:30: " FULL_TEXT},
        /* a full was missed, and an incremental is due right now */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-21 02:30",
         .started = "2026-11-22 09:00", .now = "2026-11-23 02:30", .at = "2026-11-23 02:30",
         .level = LEVEL_FULL, .missed = true, .why = "missed at 2026-11-22 02:30: " FULL_TEXT},
        /* up, but it slept for two minutes */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-24 02:32", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .missed = true, .why = "missed at 2026-11-24 02:30: " INC_TEXT},
        /* started within the minute, after the due time: nobody could run it */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-24 02:30:20", .now = "2026-11-24 02:30:20", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .missed = true,
         .why = "missed at 2026-11-24 02:30: " INC_TEXT},
        /* what elapsed before the policy selected the domain was not missed */
        {INC, FULL, .since = "2026-11-23 12:00", .last_due = "", .started = "2026-11-23 12:00",
         .now = "2026-11-23 12:00", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT},
        /* ten years of missed minutes, quickly */
        {"*:*", "", .since = "2016-01-01", .last_due = "", .started = "2026-11-24 08:00",
         .now = "2026-11-24 08:00:30", .at = "2026-11-24 08:00", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: incremental, *-*-* *:*:00"},

        /* catch_up off: let go */
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-11-20 02:30",
         .started = "2026-11-24 08:00", .now = "2026-11-24 08:00", .at = "2026-11-25 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-01", .now = "2026-11-24 02:32", .at = "2026-11-25 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-24 02:30:20", .now = "2026-11-24 02:30:20", .at = "2026-11-25 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        /* ... but not what is due right now */
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-24 02:30", .now = "2026-11-24 02:31", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        /* ... and the level of what is due now is not that of what was let go */
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-11-21 02:30",
         .started = "2026-11-22 09:00", .now = "2026-11-23 02:30", .at = "2026-11-23 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

static void retries(void **state)
{
    static const struct when cases[] = {
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-22 02:30", .started = "2026-11-01",
         .now = "2026-11-22 02:41", .failed_at = "2026-11-22 02:40", .failures = 1,
         .failed_level = LEVEL_FULL, .at = "2026-11-22 02:45", .level = LEVEL_FULL, .retry = true,
         .why = "retry 1 of 3: full, after the failure at 2026-11-22 02:40"},
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-23 02:41", .failed_at = "2026-11-23 02:40", .failures = 2,
         .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-23 02:50", .level = LEVEL_INCREMENTAL,
         .retry = true, .why = "retry 2 of 3: incremental, after the failure at 2026-11-23 02:40"},
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-23 02:41", .failed_at = "2026-11-23 02:40", .failures = 3,
         .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-23 03:00", .level = LEVEL_INCREMENTAL,
         .retry = true, .why = "retry 3 of 3: incremental, after the failure at 2026-11-23 02:40"},
        /* given up until the schedule comes again */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-23 02:41", .failed_at = "2026-11-23 02:40", .failures = 4,
         .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-23 02:41", .failed_at = "2026-11-23 02:40", .failures = 1, .final = true,
         .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        /* a scheduled time comes first, or at the same moment */
        {"*:0/15", "", .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-01", .now = "2026-11-23 02:40", .failed_at = "2026-11-23 02:40",
         .failures = 1, .failed_level = LEVEL_FULL, .at = "2026-11-23 02:45",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: incremental, *-*-* *:00/15:00"},
        /* both have passed: one run, the scheduled one */
        {"*:0/15", "", .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-23 02:50", .now = "2026-11-23 02:50", .failed_at = "2026-11-23 02:35",
         .failures = 1, .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-23 02:45",
         .level = LEVEL_INCREMENTAL, .missed = true,
         .why = "missed at 2026-11-23 02:45: incremental, *-*-* *:00/15:00"},
        /* a policy whose schedule has ended still retries */
        {"2026-11-23 02:30", "", .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-01", .now = "2026-11-23 02:41", .failed_at = "2026-11-23 02:40",
         .failures = 1, .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-23 02:45",
         .level = LEVEL_INCREMENTAL, .retry = true,
         .why = "retry 1 of 3: incremental, after the failure at 2026-11-23 02:40"},
        /* the daemon was down when the retry was due */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-23 04:00", .now = "2026-11-23 04:00", .failed_at = "2026-11-23 02:40",
         .failures = 1, .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-23 02:45",
         .level = LEVEL_INCREMENTAL, .retry = true, .missed = true,
         .why = "retry 1 of 3: incremental, after the failure at 2026-11-23 02:40"},
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-23 04:00", .now = "2026-11-23 04:00", .failed_at = "2026-11-23 02:40",
         .failures = 1, .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        /* the clock was set back since the failure: now */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-23 02:30", .started = "2026-11-01",
         .now = "2026-11-23 02:31", .failed_at = "2026-11-23 02:40", .failures = 1,
         .failed_level = LEVEL_INCREMENTAL, .at = "2026-11-23 02:31", .level = LEVEL_INCREMENTAL,
         .retry = true, .why = "retry 1 of 3: incremental, after the failure at 2026-11-23 02:40"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

#define AHEAD(time) "; the clock was set back: " time ", which lies ahead of it, is ignored"

static void clock_set_back(void **state)
{
    static const struct when cases[] = {
        /* by an hour: the last run's time is still believed */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-11-24 02:30", .started = "2026-11-01",
         .now = "2026-11-24 01:45", .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT},
        /* by a month: it is not */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-12-24 02:30",
         .started = "2026-11-24 01:00", .now = "2026-11-24 01:45", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT AHEAD("2026-12-24 02:30")},
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-12-24 02:30",
         .started = "2026-11-24 01:00", .now = "2026-11-24 02:30", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT AHEAD("2026-12-24 02:30")},
        /* under a running daemon, so that its start lies ahead too: looked back a day */
        {INC, FULL, .since = "2026-01-01", .last_due = "2026-12-24 02:30",
         .started = "2026-12-20 01:00", .now = "2026-11-24 02:30:10", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT AHEAD("2026-12-24 02:30")},
        {INC, FULL, .no_catch_up = true, .since = "2026-01-01", .last_due = "2026-12-24 02:30",
         .started = "2026-12-20 01:00", .now = "2026-11-24 02:30:10", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT AHEAD("2026-12-24 02:30")},
        {INC, FULL, .since = "2026-12-19", .last_due = "2026-12-24 02:30",
         .started = "2026-12-20 01:00", .now = "2026-11-24 12:00", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .missed = true,
         .why = "missed at 2026-11-24 02:30: " INC_TEXT AHEAD("2026-12-24 02:30")},
        /* the policy's own beginning lies ahead */
        {INC, FULL, .since = "2027-01-01", .last_due = "", .started = "2026-11-24 01:00",
         .now = "2026-11-24 01:45", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT AHEAD("2027-01-01 00:00")},
        {INC, FULL, .since = "2027-01-01", .last_due = "2026-11-23 02:30",
         .started = "2026-11-24 01:00", .now = "2026-11-24 01:45", .at = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT AHEAD("2027-01-01 00:00")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule),
        cmocka_unit_test(missed),
        cmocka_unit_test(retries),
        cmocka_unit_test(clock_set_back),
    };
    struct err err = ERR_INIT;
    int failed;

    if (zone_open("UTC", &utc, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(utc);
    return failed;
}

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

struct times {
    int64_t *items;
    size_t n, cap;
};

/* "TIME;TIME" */
static void add_dues(struct times *l, const char *text)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    char *save = NULL;

    for (char *s = strtok_r(copy, ";", &save); s; s = strtok_r(NULL, ";", &save))
        *VEC_ADD(l) = at(s);
}

struct when {
    const char *incremental, *full; /* ";" between expressions */
    bool no_catch_up;
    const char *since, *last_due, *started, *now; /* "": never */
    const char *failed_at;                        /* last_end of a failed attempt, or NULL */
    int failures;
    enum backup_level failed_level;
    bool final; /* the failure is one that will not pass */
    /* Of the last run, when the clock was set since: what it showed then ("": last_due), how
     * long ago that truly is ("": it was before the boot), of runs before the boot the last that
     * is believed; all other due times that runs were made for. */
    const char *created, *ago, *before, *dues;
    bool set; /* the clock was */

    const char *at;  /* what is expected; NULL: never */
    const char *due; /* NULL: at */
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
    struct times dues = {0};
    struct plan_due due = {0};
    bool some;

    add_specs(&policy.incremental, w->incremental);
    add_specs(&policy.full, w->full);
    add_dues(&dues, w->dues ? w->dues : "");
    history.last_created = w->created ? at(w->created) : history.last_due;
    history.ago = !w->set ? at(w->now) - history.last_due : w->ago ? atoll(w->ago) : -1;
    history.uptime = 600;
    history.before = w->before ? at(w->before) : 0;
    history.distance = plan_shortest_distance(&policy, utc);
    history.dues = dues.items;
    history.n_dues = dues.n;
    some = plan_next(&policy, utc, &history, at(w->started), at(w->now), &due);
    assert_int_equal(some, w->at != NULL);
    if (some) {
        char got[TIMEFMT_MAX], wanted[TIMEFMT_MAX];

        assert_string_equal(time_utc(due.at, got), time_utc(at(w->at), wanted));
        assert_string_equal(level_name(due.level), level_name(w->level));
        assert_string_equal(due.why, w->why);
        assert_int_equal(due.missed, w->missed);
        assert_int_equal(due.retry, w->retry);
        assert_int_equal(due.due, due.retry ? history.last_due : w->due ? at(w->due) : due.at);
    }
    free(dues.items);
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

#define SINCE .since = "2026-01-01"
#define QUARTERS "*:0/15"
#define QUARTERS_TEXT "incremental, *-*-* *:00/15:00"
#define LATER "; a while after the run before"

/* This daemon lives, or its machine was not booted since: how long ago the last run was is
 * known. */
static void clock_set_back(void **state)
{
    static const struct when cases[] = {
        /* by ten minutes, and by an hour, a minute after a run: they go on as time goes by */
        {QUARTERS, "", SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "60", .now = "2026-11-24 02:21", .dues = "2026-11-24 02:30",
         .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " QUARTERS_TEXT AHEAD("2026-11-24 02:30")},
        {QUARTERS, "", SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "60", .now = "2026-11-24 02:24:50", .dues = "2026-11-24 02:30",
         .at = "2026-11-24 02:45", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " QUARTERS_TEXT AHEAD("2026-11-24 02:30")},
        {QUARTERS, "", SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "60", .now = "2026-11-24 01:31",
         .dues = "2026-11-24 01:45;2026-11-24 02:00;2026-11-24 02:15;2026-11-24 02:30",
         .at = "2026-11-24 01:45", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " QUARTERS_TEXT AHEAD("2026-11-24 02:30")},
        /* ... and so a quarter of an hour later, when that run has been made */
        {QUARTERS, "", SINCE, .last_due = "2026-11-24 01:45", .started = "2026-11-01", .set = true,
         .ago = "60", .now = "2026-11-24 01:46",
         .dues = "2026-11-24 02:00;2026-11-24 02:15;2026-11-24 02:30", .at = "2026-11-24 02:00",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " QUARTERS_TEXT},
        /* a day's schedule by an hour: its time comes again, and has had its run */
        {INC, FULL, SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "60", .now = "2026-11-24 01:31", .dues = "2026-11-24 02:30",
         .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT AHEAD("2026-11-24 02:30")},
        {INC, FULL, SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "3601", .now = "2026-11-24 02:30", .dues = "2026-11-24 02:30",
         .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
        /* ... by a day, an hour after: it has another */
        {INC, FULL, SINCE, .last_due = "2026-11-25 02:30", .started = "2026-11-01", .set = true,
         .ago = "3600", .now = "2026-11-24 03:30", .dues = "2026-11-25 02:30",
         .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT AHEAD("2026-11-25 02:30")},
        /* by ten years: the run of then is of just now */
        {INC, FULL, SINCE, .last_due = "2036-11-24 02:30", .created = "2036-11-24 08:00",
         .started = "2026-11-24 07:00", .set = true, .ago = "300", .now = "2026-11-24 08:05",
         .dues = "2036-11-24 02:30", .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT AHEAD("2036-11-24 02:30")},
        /* ... and an hour and a half before the day's own time: it waits, and is not lost */
        {INC, FULL, SINCE, .last_due = "2036-11-24 02:30", .created = "2036-11-24 01:00",
         .started = "2026-11-24 00:30", .set = true, .ago = "300", .now = "2026-11-24 01:05",
         .dues = "2036-11-24 02:30", .at = "2026-11-24 03:24", .due = "2026-11-24 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT LATER AHEAD("2036-11-24 02:30")},
        /* ... and a retry of it, which was made since and has its due time: it hides nothing */
        {INC, FULL, SINCE, .last_due = "2036-11-24 02:30", .created = "2026-11-24 08:00",
         .started = "2026-11-24 07:00", .set = true, .ago = "300", .now = "2026-11-24 08:05",
         .dues = "2036-11-24 02:30", .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT AHEAD("2036-11-24 02:30")},
        /* the policy's own beginning lies ahead */
        {INC, FULL, .since = "2036-11-24", .last_due = "", .started = "2026-11-24 01:00",
         .now = "2026-11-24 01:45", .at = "2026-11-24 02:30", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " INC_TEXT AHEAD("2036-11-24 00:00")},
        /* slewed: nothing happens twice */
        {QUARTERS, "", SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "2", .now = "2026-11-24 02:29:58", .at = "2026-11-24 02:45",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " QUARTERS_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

static void clock_set_forward(void **state)
{
    static const struct when cases[] = {
        /* from 1970, where the daemon started, by 56 years: one run */
        {QUARTERS, "", .since = "1970-01-01 00:01:00", .last_due = "",
         .started = "2026-11-24 07:59:00", .now = "2026-11-24 08:01", .at = "2026-11-24 08:00",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " QUARTERS_TEXT},
        {QUARTERS, "", .since = "1970-01-01 00:01:00", .last_due = "1970-01-01 00:15", .set = true,
         .ago = "10", .started = "2026-11-24 07:59:00", .now = "2026-11-24 08:01",
         .at = "2026-11-24 08:15", .level = LEVEL_INCREMENTAL, .why = "scheduled: " QUARTERS_TEXT},
        /* by an hour, a minute after a run; time goes on from there */
        {QUARTERS, "", SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "60", .now = "2026-11-24 03:31", .at = "2026-11-24 03:45",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " QUARTERS_TEXT},
        /* over a due time, long after the last run: that time is not lost */
        {INC, FULL, SINCE, .last_due = "2026-11-24 02:30", .started = "2026-11-01", .set = true,
         .ago = "80000", .now = "2026-11-25 03:00", .at = "2026-11-25 02:30", .missed = true,
         .level = LEVEL_INCREMENTAL, .why = "missed at 2026-11-25 02:30: " INC_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

/* The machine was booted since the last run: 600 seconds ago. */
static void booted_with_another_clock(void **state)
{
    static const struct when cases[] = {
        /* ten years ahead before: the run of then is not believed, those before it are */
        {INC, FULL, SINCE, .last_due = "2036-11-24 02:30", .created = "2036-11-24 08:00",
         .before = "2026-11-24 02:30", .started = "2026-11-24 08:00", .set = true,
         .now = "2026-11-24 08:10", .dues = "2036-11-24 02:30", .at = "2026-11-25 02:30",
         .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT AHEAD("2036-11-24 02:30")},
        /* ... and what was missed since is made up for, once, when the machine has been up a
         * while */
        {INC, FULL, SINCE, .last_due = "2036-11-24 02:30", .created = "2036-11-24 08:00",
         .before = "2026-11-20 02:30", .started = "2026-11-24 08:00", .set = true,
         .now = "2026-11-24 08:10", .dues = "2036-11-24 02:30", .at = "2026-11-24 10:24",
         .due = "2026-11-24 02:30", .missed = true, .level = LEVEL_FULL,
         .why = "missed at 2026-11-22 02:30: " FULL_TEXT LATER AHEAD("2036-11-24 02:30")},
        /* a dead battery: 1970 again, in which there was a run in a former boot; time must go by */
        {QUARTERS, "", .since = "1970-01-01", .last_due = "1970-01-01 00:15", .before = "",
         .set = true, .started = "1970-01-01 00:01", .now = "1970-01-01 00:10",
         .dues = "1970-01-01 00:15", .at = "1970-01-01 00:15", .level = LEVEL_INCREMENTAL,
         .why = "scheduled: " QUARTERS_TEXT},
        /* and right again: 1970 is no time to make up for */
        {INC, FULL, SINCE, .last_due = "1970-01-02 02:30", .before = "2026-11-24 02:30",
         .set = true, .started = "2026-11-24 08:00", .now = "2026-11-24 08:10",
         .at = "2026-11-25 02:30", .level = LEVEL_INCREMENTAL, .why = "scheduled: " INC_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_when(&cases[i]);
}

static void distances(void **state)
{
    static const struct {
        const char *incremental, *full;
        int64_t distance;
    } cases[] = {
        {INC, FULL, 86400},
        {QUARTERS, "", 900},
        {"", "monthly", 28 * 86400},
        {"02:30", "02:00", 1800},
        {"", "", 0},
        {"2026-12-01 02:30", "", 0},
        {"*:*:*", "", 1},
        {"*:0/15", "02:20", 300},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config_policy policy = {0};

        add_specs(&policy.incremental, cases[i].incremental);
        add_specs(&policy.full, cases[i].full);
        assert_int_equal(plan_shortest_distance(&policy, utc), cases[i].distance);
        specs_done(&policy.incremental);
        specs_done(&policy.full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule),          cmocka_unit_test(missed),
        cmocka_unit_test(retries),           cmocka_unit_test(clock_set_back),
        cmocka_unit_test(clock_set_forward), cmocka_unit_test(booted_with_another_clock),
        cmocka_unit_test(distances),
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

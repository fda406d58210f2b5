/* SPDX-License-Identifier: MIT
 *
 * A year under random schedules: no elapse is lost, and none runs twice.  A small daemon asks
 * plan_next, sleeps until the answer, makes a job, and is down now and then.  Every elapse of the
 * schedule must be answered by one job: the one that is due at it, or the next one after it.
 * The seed is printed; SEED=N repeats a run.
 */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "policies/plan.h"

#define HOUR 3600
#define DAY 86400
#define BEGIN INT64_C(1767225600) /* 2026-01-01 00:00 UTC */
#define END (BEGIN + 365 * DAY)
#define SCHEDULES 12

static unsigned long seed;

static uint64_t random_below(uint64_t n)
{
    static uint64_t s;

    if (s == 0)
        s = seed * 2 + 1;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (s >> 11) % n;
}

static void add_random_spec(struct calspec_list *l)
{
    static const char *const specs[] = {
        "02:30", "Mon..Sat 02:30", "Sun 02:30", "*:0/30",  "0/6:15", "*-*-1 04:00", "Sat 23:59:59",
        "*:30",  "03:00",          "monthly",   "Fri *:0", "daily",  "*-*~1 12:00", "1/4:0",
    };
    struct err err = ERR_INIT;

    if (calspec_parse(specs[random_below(ARRAY_LEN(specs))], VEC_ADD(l), &err) < 0)
        fail_msg("%s", err.msg);
}

static void specs_done(struct calspec_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        calspec_free(l->items[i]);
    free(l->items);
}

/* The elapses of a list, one by one. False: none before END. */
static bool next_of(const struct calspec_list *l, const struct zone *zone, int64_t after,
                    int64_t *ret)
{
    int64_t t;

    *ret = INT64_MAX;
    for (size_t i = 0; i < l->n; i++)
        if (calspec_next(l->items[i], zone, after, &t) && t < *ret)
            *ret = t;
    return *ret < END;
}

struct run {
    int64_t due, begun, started; /* started: the daemon, then */
    bool missed, retry;
    enum backup_level level;
};

struct year {
    struct config_policy policy;
    struct zone *zone;
    struct plan_history history;
    int64_t now, started, asked; /* asked: when plan_next was, the last time */
    bool faults;                 /* jobs fail, the daemon is down, it oversleeps */
    VEC(struct run) runs;
};

/* What the job that was just made becomes of; moves the clock to its end. */
static void run_job(struct year *y, const struct plan_due *due)
{
    *VEC_ADD(&y->runs) =
        (struct run){due->at, y->now, y->started, due->missed, due->retry, due->level};
    if (due->due != y->history.last_due)
        y->history.failures = 0;
    y->history.last_due = due->due;
    y->history.last_level = due->level;
    y->now += (int64_t)random_below(HOUR);
    y->history.has_attempt = true;
    y->history.last_end = y->now;
    y->history.failed = y->faults && random_below(4) == 0;
    y->history.failures = y->history.failed ? y->history.failures + 1 : 0;
}

static void live_a_year(struct year *y)
{
    struct plan_due due;

    while (y->now < END && plan_next(&y->policy, y->zone, &y->history, y->started, y->now, &due)) {
        y->asked = y->now;
        if (due.at <= y->now) {
            run_job(y, &due);
        } else if (y->faults && random_below(40) == 0) { /* down, for up to ten days */
            y->now += (int64_t)random_below(10 * DAY);
            y->started = y->now;
        } else {
            y->now = due.at + (y->faults ? (int64_t)random_below(90) : 0);
        }
    }
}

/* The last elapse of the list in (after, until]; 0: there is none. */
static int64_t last_of(const struct calspec_list *l, const struct zone *zone, int64_t after,
                       int64_t until)
{
    int64_t t, last = 0;

    while (next_of(l, zone, after, &t) && t <= until)
        last = after = t;
    return last;
}

/* A scheduled job answers for all elapses behind the job before, up to its own beginning: it is due
 * at the last of them, and full when a full is among them.  So none is lost, and none runs twice.
 */
static void check_jobs(const struct year *y)
{
    int64_t handled = BEGIN;

    for (size_t i = 0; i < y->runs.n; i++) {
        const struct run *run = &y->runs.items[i];
        int64_t full = last_of(&y->policy.full, y->zone, handled, run->begun);
        int64_t incremental = last_of(&y->policy.incremental, y->zone, handled, run->begun);
        int64_t decisive = full ? full : incremental;

        if (run->retry) {
            assert_int_equal(decisive, 0); /* the schedule goes first */
            continue;
        }
        if (run->due <= handled)
            fail_msg("run %zu: %" PRId64 " was run twice", i, run->due);
        assert_int_equal(run->due, full > incremental ? full : incremental);
        assert_int_equal(run->level, full ? LEVEL_FULL : LEVEL_INCREMENTAL);
        assert_int_equal(run->missed, decisive < run->started || run->begun - decisive > 60);
        handled = run->due;
    }
    assert_int_equal(last_of(&y->policy.full, y->zone, handled, y->asked), 0);
    assert_int_equal(last_of(&y->policy.incremental, y->zone, handled, y->asked), 0);
}

/* Between two jobs made for scheduled times at most three retries run. */
static void check_retries(const struct year *y)
{
    int retries = 0;

    for (size_t i = 0; i < y->runs.n; i++) {
        const struct run *run = &y->runs.items[i];

        retries = run->retry ? retries + 1 : 0;
        assert_true(retries <= 3);
        if (run->retry)
            assert_int_equal(run->level, y->runs.items[i - 1].level);
    }
}

static void years(bool faults)
{
    static const char *const zones[] = {"UTC", "Europe/Prague", "America/New_York",
                                        "Australia/Lord_Howe"};
    size_t runs = 0;

    for (int k = 0; k < SCHEDULES; k++) {
        struct year y = {.policy.catch_up = true, .now = BEGIN, .started = BEGIN, .faults = faults};
        struct err err = ERR_INIT;
        size_t incrementals = random_below(4), fulls = random_below(3);

        y.history.since = BEGIN;
        if (zone_open(zones[random_below(ARRAY_LEN(zones))], &y.zone, &err) < 0)
            fail_msg("%s", err.msg);
        for (size_t i = 0; i < incrementals; i++)
            add_random_spec(&y.policy.incremental);
        for (size_t i = 0; i < fulls; i++)
            add_random_spec(&y.policy.full);
        live_a_year(&y);
        check_jobs(&y);
        check_retries(&y);
        runs += y.runs.n;
        free(y.runs.items);
        specs_done(&y.policy.incremental);
        specs_done(&y.policy.full);
        zone_free(y.zone);
    }
    assert_true(runs > SCHEDULES * 10);
}

static void quiet_years(void **state)
{
    (void)state;
    years(false);
}

static void hard_years(void **state)
{
    (void)state;
    years(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_years),
        cmocka_unit_test(hard_years),
    };
    const char *wanted = getenv("SEED");

    seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    fprintf(stderr, "SEED=%lu\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
static struct zone *utc;

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
        (struct run){due->due, y->now, y->started, due->missed, due->retry, due->level};
    if (due->due != y->history.last_due)
        y->history.failures = 0;
    y->history.last_due = due->due;
    y->history.last_created = y->now;
    y->history.last_level = due->level;
    y->now += (int64_t)random_below(HOUR);
    y->history.has_attempt = true;
    y->history.last_end = y->now;
    y->history.failed = y->faults && random_below(4) == 0;
    y->history.failures = y->history.failed ? y->history.failures + 1 : 0;
}

static bool ask(struct year *y, struct plan_due *due)
{
    y->history.ago = y->now - y->history.last_created;
    return plan_next(&y->policy, y->zone, &y->history, y->started, y->now, due);
}

static void live_a_year(struct year *y)
{
    struct plan_due due;

    y->history.distance = plan_shortest_distance(&y->policy, y->zone);
    while (y->now < END && ask(y, &due)) {
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

/* ---- years of a clock that is wrong now and then ---- */

struct made {
    int64_t t, wall, due; /* t: true time */
    int boot;
};

/* A daemon that remembers its runs as the catalog does, a clock that somebody sets, and boots. */
struct wander {
    struct config_policy policy;
    int64_t t, offset, started, booted; /* the clock shows t + offset */
    int boot;
    VEC(struct made) made;
    int64_t dues[1000];
};

static int due_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool ask_wandering(struct wander *w, struct plan_due *due)
{
    int64_t now = w->t + w->offset, after;
    const struct made *last = w->made.n > 0 ? &w->made.items[w->made.n - 1] : NULL;
    struct plan_history h = {.since = BEGIN,
                             .last_due = last ? last->due : 0,
                             .last_created = last ? last->wall : 0,
                             .ago = last && last->boot == w->boot ? w->t - last->t : -1,
                             .uptime = w->t - w->booted,
                             .distance = plan_shortest_distance(&w->policy, utc),
                             .dues = w->dues};

    for (size_t i = 0; i < w->made.n; i++)
        if (w->made.items[i].due <= now - h.uptime + 300 && w->made.items[i].due > h.before)
            h.before = w->made.items[i].due;
    after = plan_baseline(&h, w->started + w->offset, now);
    for (size_t i = 0; i < w->made.n && h.n_dues < ARRAY_LEN(w->dues); i++)
        if (w->made.items[i].due > after)
            w->dues[h.n_dues++] = w->made.items[i].due;
    qsort(w->dues, h.n_dues, sizeof(w->dues[0]), due_order);
    return plan_next(&w->policy, utc, &h, w->started + w->offset, now, due);
}

/* A run at each time that it is due, no other for a tenth of the distance. */
static void step(struct wander *w, int64_t until)
{
    struct plan_due due;

    while (w->t < until && ask_wandering(w, &due)) {
        int64_t at = due.at - w->offset;

        if (at > w->t) {
            w->t = at < until ? at : until;
            continue;
        }
        if (w->made.n > 0) {
            const struct made *last = &w->made.items[w->made.n - 1];

            if (last->boot == w->boot &&
                w->t - last->t < plan_shortest_distance(&w->policy, utc) / 10)
                fail_msg("runs at %" PRId64 " and %" PRId64, last->t, w->t);
        }
        *VEC_ADD(&w->made) = (struct made){w->t, w->t + w->offset, due.due, w->boot};
    }
}

static void wander_done(struct wander *w)
{
    free(w->made.items);
    specs_done(&w->policy.incremental);
    specs_done(&w->policy.full);
}

/* Whatever is done to the clock, by days or decades, runs keep their distance; and in the quiet
 * weeks after it they are as many as there are due times. */
static void any_clock(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        struct wander w = {.policy.catch_up = true, .t = BEGIN, .started = BEGIN, .booted = BEGIN};
        int64_t distance;
        size_t n;

        add_random_spec(&w.policy.incremental);
        distance = plan_shortest_distance(&w.policy, utc);
        for (int i = 0; i < 60; i++) {
            step(&w, w.t + 1 + (int64_t)random_below((uint64_t)distance * 2));
            switch (random_below(6)) {
            case 0:
                w.offset = 0;
                break;
            case 1:
                w.offset += (int64_t)random_below(2 * DAY) - DAY;
                w.offset = w.t + w.offset < 0 ? -w.t : w.offset;
                break;
            case 2:
                w.offset = INT64_C(3653) * DAY;
                break;
            case 3:
                w.offset = -w.t + 60; /* 1970 */
                break;
            case 4:
                w.started = w.t;
                break;
            case 5:
                w.started = w.booted = w.t;
                w.boot++;
                break;
            }
        }
        w.offset = 0;
        step(&w, w.t + 4 * distance);
        n = w.made.n;
        step(&w, w.t + 60 * DAY);
        assert_int_equal(w.made.n - n > 0, distance < 32 * DAY);
        for (size_t i = n + 1; i < w.made.n; i++) {
            int64_t t;

            assert_true(
                calspec_next(w.policy.incremental.items[0], utc, w.made.items[i - 1].due, &t));
            assert_int_equal(w.made.items[i].due, t);
        }
        wander_done(&w);
    }
}

/* Set back by up to an hour and a half now and then, under a daemon that lives or is started again:
 * no time between two runs is longer than one and a half of the schedule's. */
static void a_clock_set_back(void **state)
{
    static const char *const specs[] = {"*:0/15", "*:0", "0/6:0", "02:30"};

    (void)state;
    for (int round = 0; round < 40; round++) {
        struct wander w = {.policy.catch_up = true, .t = BEGIN, .started = BEGIN, .booted = BEGIN};
        struct err err = ERR_INIT;
        int64_t distance;

        if (calspec_parse(specs[round % 4], VEC_ADD(&w.policy.incremental), &err) < 0)
            fail_msg("%s", err.msg);
        distance = plan_shortest_distance(&w.policy, utc);
        step(&w, BEGIN + 2 * DAY);
        for (int i = 0; i < 30; i++) {
            w.offset -= (int64_t)random_below(5400);
            if (random_below(3) == 0)
                w.started = w.t;
            step(&w, w.t + 3 * distance + (int64_t)random_below((uint64_t)distance));
        }
        for (size_t i = 1; i < w.made.n; i++)
            if (w.made.items[i].t - w.made.items[i - 1].t > distance * 3 / 2 + 1)
                fail_msg("%s: %" PRId64 " s without a run", specs[round % 4],
                         w.made.items[i].t - w.made.items[i - 1].t);
        wander_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_years),
        cmocka_unit_test(hard_years),
        cmocka_unit_test(any_clock),
        cmocka_unit_test(a_clock_set_back),
    };
    const char *wanted = getenv("SEED");
    struct err err = ERR_INIT;
    int failed;

    seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    fprintf(stderr, "SEED=%lu\n", seed);
    if (zone_open("UTC", &utc, &err) < 0)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(utc);
    return failed;
}

/* SPDX-License-Identifier: MIT
 *
 * What is said of a clock that somebody set is by how much, to the second, wherever in their
 * seconds the two clocks are that tell it, and across lives of the daemon too.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/job_types.h"
#include "policies/zone.h"
#include "scheduler/scheduler.h"

#define HOUR_MS (INT64_C(3600) * 1000)

const struct job_type *job_type_of(const char *kind)
{
    (void)kind;
    return NULL;
}

/* ---- two clocks, in milliseconds ---- */

static struct {
    int64_t wall, uptime;
} ms;

static int64_t now(struct clock *c)
{
    (void)c;
    return ms.wall / 1000;
}

static int64_t elapsed(struct clock *c)
{
    (void)c;
    return ms.uptime / 1000;
}

static int64_t elapsed_ms(struct clock *c)
{
    (void)c;
    return ms.uptime;
}

static int64_t ahead_ms(struct clock *c)
{
    (void)c;
    return ms.wall - ms.uptime;
}

static const char *boot(struct clock *c)
{
    (void)c;
    return "boot";
}

static void stop(struct clock *c, struct alarm *a)
{
    (void)c;
    a->armed = false;
}

static void after(struct clock *c, struct alarm *a, double seconds)
{
    (void)c;
    (void)seconds;
    a->armed = true;
}

static void at(struct clock *c, struct alarm *a, int64_t when)
{
    after(c, a, (double)when);
}

static void when_set(struct clock *c, struct alarm *a)
{
    after(c, a, 0);
}

static const struct clock_ops clock_ops = {
    .now = now,
    .elapsed = elapsed,
    .at = at,
    .after = after,
    .stop = stop,
    .elapsed_ms = elapsed_ms,
    .uptime = elapsed,
    .boot = boot,
    .ahead_ms = ahead_ms,
    .when_set = when_set,
};
static struct clock the_clock = {&clock_ops};

static void go_on(int64_t by_ms)
{
    ms.wall += by_ms;
    ms.uptime += by_ms;
}

/* ---- a daemon's life ---- */

static char dir[256];
static struct catalog *catalog;
static struct zone *zone;
static struct scheduler *scheduler;

static void begin_life(void)
{
    static const char text[] = "hosts: []\nrepositories: []\npolicies: []\n";
    struct diagnostics diags = {0};
    CLEANUP_FREE char *path = xasprintf("%s/catalog.db", dir);
    struct scheduler_env env = {.clock = &the_clock, .zone = zone, .settle_s = 1};
    struct err err = ERR_INIT;
    struct config *config;

    if (catalog_open(path, CATALOG_WRITE, &catalog, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(config_parse(text, strlen(text), "test", &config, &diags), 0);
    diagnostics_done(&diags);
    env.catalog = catalog;
    if (scheduler_new(&env, config, &scheduler, &err) < 0)
        fail_msg("%s", err.msg);
}

static void end_life(void)
{
    scheduler_free(scheduler);
    catalog_close(catalog);
}

/* The last sentence on a clock that was set, up to the comma; "" for none. */
static char *said(void)
{
    struct err err = ERR_INIT;
    struct seen_list rows = {0};
    char *ret = NULL;

    if (catalog_seen(catalog, "clock", &rows, &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < rows.n; i++)
        if (str_eq(rows.items[i].name, "set"))
            ret = xstrdup(rows.items[i].problem);
    seen_list_done(&rows);
    if (!ret)
        return xstrdup("");
    ret[strcspn(ret, ",")] = '\0';
    return ret;
}

static void expect(const char *what)
{
    CLEANUP_FREE char *is = said();

    assert_string_equal(is, what);
}

/* Set while the one clock is at each tenth of its seconds, the other at their beginning. */
static void test_by_how_much(void **state)
{
    static const struct {
        int64_t by_ms;
        const char *says;
    } cases[] = {
        {-HOUR_MS, "the clock was set back by 1h"},
        {2 * HOUR_MS, "the clock was set forward by 2h"},
        {-HOUR_MS - 400, "the clock was set back by 1h"},
        {600 * 1000, "the clock was set forward by 10m"},
    };

    (void)state;
    for (int phase = 0; phase < 20; phase++) {
        size_t i = (size_t)(phase / 2) % ARRAY_LEN(cases);
        bool restarts = phase % 2;

        ms.wall = 1800000000000 + phase / 2 * 100;
        ms.uptime = 5000000;
        begin_life();
        if (restarts)
            end_life();
        ms.wall += cases[i].by_ms;
        go_on(10350);
        if (restarts)
            begin_life();
        scheduler_look_at_clock(scheduler);
        expect(cases[i].says);
        end_life();
        test_remove_dir(dir);
        test_make_dir(dir, sizeof(dir));
    }
}

/* Nobody set it: whatever goes by, and how often it is looked at. */
static void test_nobody_set_it(void **state)
{
    (void)state;
    ms.wall = 1800000000900;
    ms.uptime = 5000000;
    begin_life();
    for (int i = 0; i < 1000; i++) {
        go_on(137 * i);
        scheduler_look_at_clock(scheduler);
    }
    expect("");
    end_life();
}

/* Whenever it is asked, and when the clock was set. */
static void test_when_it_began(void **state)
{
    (void)state;
    ms.wall = 1800000000900;
    ms.uptime = 5000300;
    begin_life();
    for (int i = 0; i < 30; i++) {
        assert_int_equal(scheduler_count(scheduler).started, 1800000000);
        go_on(150);
    }
    ms.wall -= HOUR_MS;
    scheduler_look_at_clock(scheduler);
    for (int i = 0; i < 30; i++) {
        assert_in_range(scheduler_count(scheduler).started, 1799996399, 1799996401);
        assert_int_equal(scheduler_count(scheduler).started, scheduler_count(scheduler).started);
        go_on(150);
    }
    end_life();
}

/* A daemon of before wrote down whole seconds. */
static void test_of_before(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    ms.wall = 1800000000000;
    ms.uptime = 5000000;
    begin_life();
    if (catalog_seen_put(catalog, "clock", "believed", "5000 boot", NULL, NULL, 1800000000, &err) <
        0)
        fail_msg("%s", err.msg);
    end_life();
    ms.wall -= HOUR_MS;
    go_on(20000);
    begin_life();
    expect("the clock was set back by 1h");
    end_life();
}

static int set_up(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    test_make_dir(dir, sizeof(dir));
    return zone_open("UTC", &zone, &err);
}

static int tear_down(void **state)
{
    (void)state;
    zone_free(zone);
    return test_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_how_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_set_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_when_it_began, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_of_before, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * A new kind of job is one file and one row: a kind that does nothing waits, runs, is listed, can
 * be cancelled, and goes on after the daemon was killed, and nobody but its file and the row knows
 * it.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/backup.h"
#include "jobs/job_types.h"
#include "jobs/manual_backup.h"
#include "jobs/prune.h"
#include "policies/zone.h"
#include "scheduler/scheduler.h"
#include "tests/unit/noop_job.h"

/* That of jobs/job_types.c, and a row. */
static const struct job_type *const types[] = {
    &backup_type,
    &manual_backup_type,
    &prune_type,
    &noop_type,
};

const struct job_type *job_type_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(types[i]->kind, kind))
            return types[i];
    return NULL;
}

/* ---- a clock that goes when it is told to ---- */

static struct {
    int64_t elapsed;
    struct alarm *armed[16];
    size_t n;
} ticking;

static int64_t now(struct clock *c)
{
    (void)c;
    return 1700000000 + ticking.elapsed;
}

static int64_t elapsed(struct clock *c)
{
    (void)c;
    return ticking.elapsed;
}

static int64_t elapsed_ms(struct clock *c)
{
    (void)c;
    return ticking.elapsed * 1000;
}

static int64_t ahead_ms(struct clock *c)
{
    (void)c;
    return 1700000000 * INT64_C(1000);
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
    for (size_t i = 0; i < ticking.n; i++)
        if (ticking.armed[i] == a)
            ticking.armed[i--] = ticking.armed[--ticking.n];
}

static void after(struct clock *c, struct alarm *a, double seconds)
{
    stop(c, a);
    assert_true(ticking.n < ARRAY_LEN(ticking.armed));
    a->armed = true;
    a->u.sim_at = ticking.elapsed + (int64_t)seconds;
    ticking.armed[ticking.n++] = a;
}

static void at(struct clock *c, struct alarm *a, int64_t when)
{
    after(c, a, (double)(when - now(c)));
}

static void when_set(struct clock *c, struct alarm *a)
{
    (void)c;
    a->armed = true;
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

/* The next alarm rings. */
static void tick(void)
{
    struct alarm *first = NULL;

    for (size_t i = 0; i < ticking.n; i++)
        if (!first || ticking.armed[i]->u.sim_at < first->u.sim_at)
            first = ticking.armed[i];
    assert_non_null(first);
    if (first->u.sim_at > ticking.elapsed)
        ticking.elapsed = first->u.sim_at;
    stop(&the_clock, first);
    first->fire(first->ctx);
}

/* ---- a daemon's life ---- */

static char dir[256];
static struct catalog *catalog;
static struct zone *zone;
static struct scheduler *scheduler;

static void begin_life(void)
{
    static const char text[] = "hosts: []\nrepositories: []\n"
                               "policies: []\n";
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
    ticking.n = 0;
}

static int64_t begin_job(void)
{
    struct job_env *e = scheduler_jobs(scheduler);
    struct job row = {
        .kind = noop_type.kind,
        .host = (char *)"lab",
        .domain = (char *)"web01",
        .policy = (char *)"nightly",
        .repository = (char *)"",
        .why = (char *)"to see it",
    };
    struct err err = ERR_INIT;
    struct job_run *r;

    if (e->ops->add(e, &row, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return row.id;
}

static struct job read_job(int64_t id)
{
    const struct job_filter of = {.id = id};
    struct err err = ERR_INIT;
    struct job_list l = {0};
    struct job ret;

    if (catalog_jobs(catalog, &of, &l, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(l.n, 1);
    ret = l.items[0];
    free(l.items);
    return ret;
}

static void expect(int64_t id, enum job_outcome outcome, const char *reason)
{
    CLEANUP(job_done) struct job j = read_job(id);

    assert_string_equal(j.kind, "noop");
    assert_int_equal(j.state, JOB_ENDED);
    assert_int_equal(j.outcome, outcome);
    assert_string_equal(j.reason, reason);
}

static void run_until(int64_t id, const char *step)
{
    for (int i = 0; i < 100; i++) {
        const struct job *j = scheduler_job(scheduler, id);

        if (step ? j && str_eq(j->step, step) : !j)
            return;
        tick();
    }
    fail_msg("job %lld does not come there", (long long)id);
}

static void test_it_runs(void **state)
{
    int64_t id;

    (void)state;
    begin_life();
    id = begin_job();
    run_until(id, "resting");
    assert_int_equal(scheduler_count(scheduler).running, 1);
    run_until(id, NULL);
    expect(id, OUTCOME_SUCCESS, "nothing was done, three times");
    end_life();
}

static void test_it_is_canceled(void **state)
{
    struct err err = ERR_INIT;
    int64_t id, waiting;

    (void)state;
    begin_life();
    id = begin_job();
    run_until(id, "resting");
    waiting = begin_job();
    assert_int_equal(scheduler_cancel(scheduler, waiting, &err), 0);
    assert_int_equal(scheduler_cancel(scheduler, id, &err), 0);
    run_until(id, NULL);
    expect(id, OUTCOME_ABORTED, "cancelled on request");
    expect(waiting, OUTCOME_ABORTED, "cancelled on request, before it started");
    end_life();
}

static void test_it_outlives_the_daemon(void **state)
{
    int64_t id, waiting;

    (void)state;
    begin_life();
    id = begin_job();
    run_until(id, "resting");
    waiting = begin_job();
    end_life();
    begin_life();
    run_until(id, NULL);
    run_until(waiting, NULL);
    expect(id, OUTCOME_SUCCESS, "nothing was done, three times");
    expect(waiting, OUTCOME_SUCCESS, "nothing was done, three times");
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
    CLEANUP_FREE char *command = xasprintf("rm -r %s", dir);

    (void)state;
    zone_free(zone);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_is_canceled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_outlives_the_daemon, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

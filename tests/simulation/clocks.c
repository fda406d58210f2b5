/* SPDX-License-Identifier: MIT
 *
 * A life with a clock that is ten years ahead, a day back, in 1970, and right again in between.
 */
#include "tests/simulation/run.h"

#define YEARS_S (INT64_C(3653) * 86400)
#define HOUR_MS (INT64_C(3600) * 1000)

static int64_t true_now(void)
{
    return START + sim.w.now_ms / 1000;
}

static void set_clock(int64_t wall_now, bool restart)
{
    struct sim_daemon *d = &sim.daemons[0];

    int64_t by = wall_now - true_now();

    sim.w.leap = by <= -86400 || by >= 86400 ? by : 0; /* of less nobody can tell by the dates */
    sim_set_clock(&sim.w, wall_now - sim_wall(&sim.w));
    sim.w.counts.wall_steps++;
    if (!restart)
        return;
    daemon_gone(d);
    daemon_start(d);
}

static void live(int64_t ms)
{
    int64_t until = sim.w.now_ms + ms;

    while (sim_step(&sim.w, until))
        continue;
}

/* Runs go on: each domain has at least so many more of them. */
static void live_with_runs(int64_t ms, uint64_t least)
{
    uint64_t before = sim.w.counts.jobs;

    live(ms);
    if (sim.w.counts.jobs - before < least * sim.daemons[0].host->domains.n)
        sim_broken("%llu jobs of %zu domains in %lld h",
                   (unsigned long long)(sim.w.counts.jobs - before), sim.daemons[0].host->domains.n,
                   (long long)(ms / HOUR_MS));
}

/* A clock that is wrong has no point pruned. */
static void live_without_prunes(int64_t ms, uint64_t least)
{
    uint64_t before = sim.w.counts.prunes;

    live_with_runs(ms, least);
    if (sim.w.counts.prunes != before)
        sim_broken("points were pruned by a clock that is wrong");
}

void live_with_clocks(bool restart)
{
    live_with_runs(3 * DAY_MS, 3);
    set_clock(true_now() + YEARS_S, restart); /* ten years ahead */
    live_without_prunes(DAY_MS, 1);
    set_clock(true_now(), restart);
    live_with_runs(2 * DAY_MS, 1);
    set_clock(true_now() - 86400, restart); /* a day back */
    live_with_runs(2 * DAY_MS, 1);
    set_clock(true_now(), restart);
    live_with_runs(2 * DAY_MS, 1);
    set_clock(300, restart); /* a dead battery */
    live_without_prunes(2 * DAY_MS, 1);
    set_clock(true_now(), restart);
    live_with_runs(2 * DAY_MS, 1);
    set_clock(true_now() - 3600, restart); /* an hour back, and it stays so */
    live_with_runs(3 * DAY_MS, 2);
}

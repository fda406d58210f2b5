/* SPDX-License-Identifier: MIT
 *
 * A scene of two repositories: copies after each backup, one repository that is away for a week,
 * and then weather. */
#include "tests/simulation/scenes.h"

#include <setjmp.h>

#include "base/text.h"

/* Of each domain the newest good point has a good copy, or has none; and the copies hold what the
 * disks did. */
static void check_copies(const struct sim_daemon *d, bool has)
{
    const struct point_filter all = {.policy = "nightly", .copies = true};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    if (catalog_points(d->catalog, &all, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < d->host->domains.n; i++) {
        const char *domain = d->host->domains.items[i]->name;
        struct point last = {0};
        bool found = false;

        if (!sim_last_good(d->catalog, domain, "nightly", &last))
            sim_broken("%s has no good point", domain);
        if (sim_wall(&sim.w) - last.created > 2 * 86400)
            sim_broken("%s was not backed up for days", domain);
        for (size_t k = 0; k < points.n; k++)
            found = found || (str_eq(points.items[k].copy_of, last.id) &&
                              points.items[k].state == POINT_GOOD);
        if (found != has)
            sim_broken("%s: %s a copy", last.id, found ? "has" : "has not");
        point_done(&last);
    }
    point_list_done(&points);
    if (!sim.w.offsite.gone && sim_compare_copies(&sim.w, d->catalog) < d->host->domains.n * 3)
        sim_broken("there are too few copies");
}

/* Daemons are killed, operations fail, the far end is full or not there. */
static void weather_of_days(struct sim_daemon *d, int days)
{
    int64_t until = sim.w.now_ms + days * DAY_MS;

    sim.w.faults.kill_daemon = 60;
    sim.w.faults.op_fails = 200;
    if (setjmp(sim.w.killed)) {
        daemon_gone(d);
        sim_at(&sim.w, 1000, false, daemon_start, d);
    }
    while (sim.w.now_ms < until) {
        scene_live(6 * 60 * MINUTE_MS);
        sim.w.offsite.gone = sim_chance(&sim.w, 2000);
        sim.w.offsite.full = sim_chance(&sim.w, 2000);
    }
    sim.w.faults = (struct sim_faults){0};
    sim.w.offsite.gone = sim.w.offsite.full = false;
}

void play_copy_scenes(void)
{
    struct sim_daemon *d = scene_begin(70, 3);

    sim.has_copies = true;
    daemon_start(d);
    scene_live(5 * DAY_MS);
    check_copies(d, true);
    sim.w.offsite.gone = true;
    scene_live(7 * DAY_MS);
    check_copies(d, false);
    sim.w.offsite.gone = false;
    scene_live(2 * DAY_MS);
    check_copies(d, true);
    weather_of_days(d, 12);
    scene_live(3 * DAY_MS);
    check_copies(d, true);
    for (size_t i = 0; i < sim.w.offsite.here.points.n; i++)
        if (!sim.w.offsite.here.points.items[i]->published)
            sim_broken("%s is left half made", sim.w.offsite.here.points.items[i]->point.id);
    if (sim.w.counts.kills < 3 || sim.w.counts.brought_increments < 20)
        sim_broken("%llu kills, %llu increments copied", (unsigned long long)sim.w.counts.kills,
                   (unsigned long long)sim.w.counts.brought_increments);
    check_always();
    scene_end("two repositories, one of them away for a week, and weather");
}

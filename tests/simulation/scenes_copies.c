/* SPDX-License-Identifier: MIT
 *
 * A scene of two repositories: copies after each backup, one repository that is away for a week,
 * and then weather. */
#include "tests/simulation/scenes.h"

#include <setjmp.h>
#include <stdlib.h>

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

/* Of a daemon with one domain. */
static void backup_at(struct sim_daemon *d, int64_t when, struct point *ret)
{
    if (when)
        sim_set_clock(&sim.w, when - sim_wall(&sim.w));
    scene_ask_for_all(d);
    scene_live(5 * MINUTE_MS);
    if (!sim_last_good(d->catalog, d->host->domains.items[0]->name, "nightly", ret))
        sim_broken("there is no good point");
}

static void ask_for_copies(struct sim_daemon *d)
{
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    act_as(d);
    if (scheduler_copy(d->scheduler, NULL, "offsite", &ids, &err) < 0)
        sim_broken("%s", err.msg);
    free(ids.items);
}

/* A clock that was set back gives two points the same second; the second repository is away
 * meanwhile, so one job finds both to be copied: each copy has a name of its own. */
static void points_of_one_second(void)
{
    struct sim_daemon *d = scene_begin(71, 1);
    struct point one = {0}, other = {0};
    uint64_t brought;

    sim.has_copies = true;
    daemon_start(d);
    scene_live(3 * DAY_MS);
    sim.w.offsite.gone = true;
    backup_at(d, 0, &one);
    backup_at(d, one.created, &other);
    if (other.created != one.created || str_eq(other.id, one.id))
        sim_broken("%s and %s are not of one second", one.id, other.id);
    sim.w.offsite.gone = false;
    brought = sim.w.counts.brought;
    ask_for_copies(d);
    scene_live(10 * MINUTE_MS);
    check_copies(d, true);
    if (sim.w.counts.brought != brought + 2 ||
        scene_jobs(d, "the rest comes as a job of its own") != 1)
        sim_broken("%llu copies were made", (unsigned long long)(sim.w.counts.brought - brought));
    point_done(&one);
    point_done(&other);
    check_always();
    scene_end("two points of one second, copied");
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
    points_of_one_second();
}

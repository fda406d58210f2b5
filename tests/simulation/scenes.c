/* SPDX-License-Identifier: MIT
 *
 * Scenes: short lives without dice, each around something that the weather brings about too rarely.
 */
#include "tests/simulation/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/catalog_priv.h"

#define MINUTE_MS (INT64_C(60) * 1000)

static void live(int64_t ms)
{
    int64_t until = sim.w.now_ms + ms;

    while (sim_step(&sim.w, until))
        continue;
}

static struct sim_daemon *begin(uint64_t seed, int domains)
{
    sim_make(seed, domains, NEIGHBOUR_NONE);
    return &sim.daemons[0];
}

static void end(const char *what)
{
    printf("scene: %s\n", what);
    sim_free();
}

/* How many jobs have ended with such a reason. */
static size_t count_jobs(const struct sim_daemon *d, const char *reason)
{
    const struct job_filter all = {0};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    size_t n = 0;

    if (catalog_jobs(d->catalog, &all, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        n += jobs.items[i].reason && strstr(jobs.items[i].reason, reason);
    job_list_done(&jobs);
    return n;
}

/* The number of the last one. */
static int64_t ask_for_all(struct sim_daemon *d)
{
    struct job_ids ids = {0};
    struct err err = ERR_INIT;
    int64_t last;

    act_as(d);
    if (scheduler_run(d->scheduler, NULL, NULL, &ids, &err) < 0)
        sim_broken("%s", err.msg);
    last = ids.items[ids.n - 1];
    free(ids.items);
    return last;
}

static void lose_bitmaps(struct sim_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++)
        for (size_t k = 0; k < h->domains.items[i]->disks.n; k++)
            h->domains.items[i]->disks.items[k].bitmaps.n = 0;
}

/* A catalog was put back while the repository was away, and no bitmap tells.  It comes back, and
 * the first that find it there are backups, whose numbers have been used: none begins under such a
 * number. */
static void numbers_used_before(void)
{
    struct sim_daemon *d = begin(7, 3);
    uint64_t points;

    sim.w.repo.keeps_catalogs = true;
    daemon_start(d);
    live(60 * MINUTE_MS);
    daemon_gone(d);
    daemon_start(d); /* its catalog is saved now */
    sim.w.repo.keeps_catalogs = false;
    live(2 * DAY_MS);
    sim.w.repo.gone = true;
    lose_bitmaps(d->host);
    catalog_goes(d, false);
    while (d->down)
        live(MINUTE_MS);
    sim.w.repo.gone = false;
    sim.w.repo.look_ms = 2 * MINUTE_MS;
    points = sim.w.counts.points;
    ask_for_all(d);
    live(30 * MINUTE_MS);
    if (count_jobs(d, "the number of this job may have been used") == 0)
        sim_broken("no job gave its number back");
    if (sim.w.counts.points == points)
        sim_broken("nobody was backed up after the repository came back");
    end("numbers that were used before");
}

/* The look at the whole repository fails for ever, though it is there: some backups give way, and
 * then they go on. */
static void looks_fail(enum sim_look look)
{
    struct sim_daemon *d = begin(8, 2);
    struct seen_list seen = {0};
    struct err err = ERR_INIT;
    const char *kind = look == LOOK_SURVEY ? "repository" : "difference";
    size_t gave_way;

    sim.w.repo.fails = look;
    daemon_start(d);
    live(DAY_MS);
    gave_way = count_jobs(d, "it could not be found out which jobs have made points there");
    if (gave_way != 3)
        sim_broken("%zu backups gave way to a look that fails", gave_way);
    if (sim.w.counts.points < 4)
        sim_broken("a look that fails keeps backups from being made");
    if (catalog_seen(d->catalog, kind, &seen, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    if (seen.n != 1 || !seen.items[0].problem ||
        !strstr(seen.items[0].problem, "Input/output error"))
        sim_broken("the status does not tell that the look fails");
    seen_list_done(&seen);
    end(look == LOOK_SURVEY ? "a survey that fails for ever"
                            : "an examination that fails for ever");
}

/* A pull's export could not be ended, nor can it before the next backup: that one does not begin
 * beside it, and the one after that does it. */
static void export_left(void)
{
    struct sim_daemon *d = begin(9, 1);

    d->host->deaf_aborts = 2;
    daemon_start(d);
    live(DAY_MS);
    if (d->host->deaf_aborts > 0)
        sim_broken("nobody has tried to end the export again");
    if (count_jobs(d, "cannot be ended") != 1)
        sim_broken("%zu backups were kept from beginning by what another one left",
                   count_jobs(d, "cannot be ended"));
    if (sim.w.counts.points < 4)
        sim_broken("an export that was left keeps backups from being made");
    end("an export that was left");
}

/* Is a job in that step? */
static bool is_at(const struct sim_daemon *d, const char *step)
{
    const struct job_filter open = {.active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_jobs(d->catalog, &open, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        ret = ret || (jobs.items[i].step && strcmp(jobs.items[i].step, step) == 0);
    job_list_done(&jobs);
    return ret;
}

/* A copy that moves nothing is given up, and so is one whose scratch space, or whose repository,
 * runs full. */
static void copies_given_up(void)
{
    struct sim_daemon *d = begin(10, 2);

    daemon_start(d);
    live(MINUTE_MS);
    d->host->stalls = true;
    ask_for_all(d);
    live(60 * MINUTE_MS);
    if (count_jobs(d, "moved nothing") != 2)
        sim_broken("%zu copies that moved nothing were given up", count_jobs(d, "moved nothing"));
    d->host->stalls = false;
    sim.w.repo.scratch_full = true;
    ask_for_all(d);
    live(30 * MINUTE_MS);
    if (count_jobs(d, "left during the copy") == 0)
        sim_broken("no copy was given up for its scratch space");
    sim.w.repo.scratch_full = false;
    ask_for_all(d);
    while (!is_at(d, "copying"))
        live(1);
    sim.w.repo.full = true;
    live(30 * MINUTE_MS);
    if (count_jobs(d, "repository main: only") == 0)
        sim_broken("no copy was given up for its repository");
    end("copies that are given up");
}

static void let_write(struct sim_daemon *d, bool may)
{
    struct err err = ERR_INIT;

    if (db_exec(&d->catalog->db, may ? "PRAGMA query_only = 0" : "PRAGMA query_only = 1", &err) < 0)
        sim_broken("%s", err.msg);
}

/* The catalog's disk is full while jobs end: they end when it is not any more, and nothing is
 * undone. */
static void catalog_full(void)
{
    struct sim_daemon *d = begin(11, 2);
    struct err err = ERR_INIT;
    int64_t last;

    daemon_start(d);
    live(MINUTE_MS);
    last = ask_for_all(d);
    while (!is_at(d, "publishing"))
        live(1);
    let_write(d, false);
    act_as(d);
    if (scheduler_cancel(d->scheduler, last, &err) < 0)
        sim_broken("%s", err.msg);
    live(20 * MINUTE_MS);
    let_write(d, true);
    live(10 * MINUTE_MS);
    if (scheduler_count(d->scheduler).running + scheduler_count(d->scheduler).queued > 0)
        sim_broken("jobs are still open");
    if (count_jobs(d, "full of") < 2)
        sim_broken("a backup that was complete was not recorded");
    end("a catalog that could not be written");
}

void play_scenes(void)
{
    copies_given_up();
    catalog_full();
    export_left();
    numbers_used_before();
    looks_fail(LOOK_SURVEY);
    looks_fail(LOOK_EXAMINE);
}

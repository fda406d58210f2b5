/* SPDX-License-Identifier: MIT
 *
 * Scenes: short lives without dice, each around something that the weather brings about too rarely.
 */
#include "tests/simulation/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/answers.h"
#include "jobs/env.h"
#include "storage/catalog/catalog_priv.h"

void scene_live(int64_t ms)
{
    int64_t until = sim.w.now_ms + ms;

    while (sim_step(&sim.w, until))
        continue;
}

struct sim_daemon *scene_begin(uint64_t seed, int domains)
{
    sim_make(seed, domains, NEIGHBOUR_NONE);
    return &sim.daemons[0];
}

void scene_end(const char *what)
{
    printf("scene: %s\n", what);
    sim_free();
}

/* How many jobs have ended with such a reason. */
size_t scene_jobs(const struct sim_daemon *d, const char *reason)
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
int64_t scene_ask_for_all(struct sim_daemon *d)
{
    struct job_ids ids = {0};
    struct err err = ERR_INIT;
    int64_t last;

    act_as(d);
    if (scheduler_run(d->scheduler, NULL, NULL, &ids, NULL, &err) < 0)
        sim_broken("%s", err.msg);
    last = ids.items[ids.n - 1];
    free(ids.items);
    return last;
}

/* How many jobs wait for that now, for so long at least. */
static size_t count_waiting(const struct sim_daemon *d, enum obstacle_code code, int64_t least_s)
{
    struct live_job j;
    size_t n = 0;

    for (int64_t id = 1; id < 1000; id++)
        n += scheduler_live_job(d->scheduler, id, &j) && j.obstacle.code == code &&
             sim_wall(&sim.w) - j.obstacle_since >= least_s;
    return n;
}

void scene_ask_for(struct sim_daemon *d, const char *domain)
{
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    act_as(d);
    if (scheduler_run(d->scheduler, domain, NULL, &ids, NULL, &err) < 0)
        sim_broken("%s", err.msg);
    free(ids.items);
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
    struct sim_daemon *d = scene_begin(7, 3);
    uint64_t points;

    sim.w.repo.keeps_catalogs = true;
    daemon_start(d);
    scene_live(60 * MINUTE_MS);
    daemon_gone(d);
    daemon_start(d); /* its catalog is saved now */
    sim.w.repo.keeps_catalogs = false;
    scene_live(2 * DAY_MS);
    sim.w.repo.gone = true;
    lose_bitmaps(d->host);
    catalog_goes(d, false);
    while (d->down)
        scene_live(MINUTE_MS);
    sim.w.repo.gone = false;
    sim.w.repo.look_ms = 2 * MINUTE_MS;
    points = sim.w.counts.points;
    scene_ask_for_all(d);
    scene_live(30 * MINUTE_MS);
    if (scene_jobs(d, "the number of this job may have been used") == 0)
        sim_broken("no job gave its number back");
    if (sim.w.counts.points == points)
        sim_broken("nobody was backed up after the repository came back");
    scene_end("numbers that were used before");
}

/* The look at the whole repository fails for ever, though it is there: some backups give way, and
 * then they go on. */
static void looks_fail(enum sim_look look)
{
    struct sim_daemon *d = scene_begin(8, 2);
    struct seen_list seen = {0};
    struct err err = ERR_INIT;
    const char *kind = look == LOOK_SURVEY ? "repository" : "difference";
    size_t gave_way;

    sim.w.repo.fails = look;
    daemon_start(d);
    scene_live(DAY_MS);
    gave_way = scene_jobs(d, "it could not be found out which jobs have made points there");
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
    scene_end(look == LOOK_SURVEY ? "a survey that fails for ever"
                                  : "an examination that fails for ever");
}

/* A pull's export could not be ended, nor can it before the next backup: that one does not begin
 * beside it, and the one after that does it. */
static void export_left(void)
{
    struct sim_daemon *d = scene_begin(9, 1);

    d->host->deaf_aborts = 2;
    daemon_start(d);
    scene_live(DAY_MS);
    if (d->host->deaf_aborts > 0)
        sim_broken("nobody has tried to end the export again");
    if (scene_jobs(d, "cannot be ended") != 1)
        sim_broken("%zu backups were kept from beginning by what another one left",
                   scene_jobs(d, "cannot be ended"));
    if (sim.w.counts.points < 4)
        sim_broken("an export that was left keeps backups from being made");
    scene_end("an export that was left");
}

/* Is a job in that step? */
bool scene_is_at(const struct sim_daemon *d, const char *step)
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
    struct sim_daemon *d = scene_begin(10, 2);

    daemon_start(d);
    scene_live(MINUTE_MS);
    d->host->stalls = true;
    scene_ask_for_all(d);
    scene_live(60 * MINUTE_MS);
    if (scene_jobs(d, "moved nothing") != 2)
        sim_broken("%zu copies that moved nothing were given up", scene_jobs(d, "moved nothing"));
    d->host->stalls = false;
    sim.w.repo.scratch_full = true;
    scene_ask_for_all(d);
    scene_live(30 * MINUTE_MS);
    if (scene_jobs(d, "no copy begins with less than") == 0)
        sim_broken("a copy began without scratch space");
    sim.w.repo.scratch_full = false;
    scene_ask_for_all(d);
    while (!scene_is_at(d, "copying"))
        scene_live(1);
    sim.w.repo.scratch_full = true;
    scene_live(30 * MINUTE_MS);
    if (scene_jobs(d, "left during the copy; make room there") == 0)
        sim_broken("no copy was given up for its scratch space");
    sim.w.repo.scratch_full = false;
    scene_ask_for_all(d);
    while (!scene_is_at(d, "copying"))
        scene_live(1);
    sim.w.repo.full = true;
    scene_live(30 * MINUTE_MS);
    if (scene_jobs(d, "repository main: only") == 0)
        sim_broken("no copy was given up for its repository");
    scene_end("copies that are given up");
}

void scene_let_write(struct sim_daemon *d, bool may)
{
    struct err err = ERR_INIT;

    if (db_exec(&d->catalog->db, may ? "PRAGMA query_only = 0" : "PRAGMA query_only = 1", &err) < 0)
        sim_broken("%s", err.msg);
}

/* The catalog's disk is full while jobs end: they end when it is not any more, and nothing is
 * undone. */
static void catalog_full(void)
{
    struct sim_daemon *d = scene_begin(11, 2);
    struct err err = ERR_INIT;
    int64_t last;

    daemon_start(d);
    scene_live(MINUTE_MS);
    last = scene_ask_for_all(d);
    while (!scene_is_at(d, "publishing"))
        scene_live(1);
    scene_let_write(d, false);
    act_as(d);
    if (scheduler_cancel(d->scheduler, last, &err) < 0)
        sim_broken("%s", err.msg);
    scene_live(20 * MINUTE_MS);
    if (count_waiting(d, OBSTACLE_CATALOG, 15 * 60) < 2)
        sim_broken("nobody says that jobs wait for the catalog");
    if (scheduler_jobs(d->scheduler)->trouble.code == ERR_NONE ||
        scheduler_jobs(d->scheduler)->trouble.failures < 10)
        sim_broken("the trouble with the catalog is not known as one");
    scene_let_write(d, true);
    scene_live(10 * MINUTE_MS);
    if (scheduler_jobs(d->scheduler)->trouble.code != ERR_NONE)
        sim_broken("the trouble with the catalog is not known to be over");
    if (count_waiting(d, OBSTACLE_CATALOG, 0) > 0)
        sim_broken("jobs wait for a catalog that can be written");
    if (scheduler_count(d->scheduler).running + scheduler_count(d->scheduler).queued > 0)
        sim_broken("jobs are still open");
    if (scene_jobs(d, "full of") < 2)
        sim_broken("a backup that was complete was not recorded");
    scene_end("a catalog that could not be written");
}

static struct {
    size_t jobs, tries;
    bool answered;
} told;

static void on_told(void *ctx, const struct err *err, const struct api_answer *answer)
{
    (void)ctx;
    (void)err;
    told.jobs = answer->u.live->jobs.n;
    told.tries = answer->u.live->tries.n;
    told.answered = true;
    for (size_t i = 0; i < told.tries; i++)
        if (!strstr(answer->u.live->tries.items[i].why, "retry 1 of 3") ||
            !answer->u.live->tries.items[i].last.reason)
            sim_broken("tried again: %s", answer->u.live->tries.items[i].why);
}

static void be_told(struct sim_daemon *d)
{
    const struct live_ask all = {0};

    told.answered = false;
    act_as(d);
    scheduler_live(d->scheduler, &all, (struct api_reply){on_told, NULL});
    scene_live(2000);
    if (!told.answered)
        sim_broken("jobs are not told");
}

/* Who waits is told for what: of twelve jobs four have places in the repository, and of each domain
 * one.  What fails is told to be tried again. */
static void waits_told(void)
{
    struct sim_daemon *d = scene_begin(13, 6);

    daemon_start(d);
    scene_live(MINUTE_MS);
    scene_ask_for_all(d);
    while (!scene_is_at(d, "copying"))
        scene_live(1);
    if (count_waiting(d, OBSTACLE_REPO_LIMIT, 0) + count_waiting(d, OBSTACLE_GUEST, 0) +
            scheduler_count(d->scheduler).running !=
        scheduler_count(d->scheduler).running + scheduler_count(d->scheduler).queued)
        sim_broken("some wait for nothing");
    if (count_waiting(d, OBSTACLE_REPO_LIMIT, 0) == 0)
        sim_broken("nobody waits for a place");
    be_told(d);
    if (told.jobs < 4 || told.tries > 0)
        sim_broken("%zu jobs were told, %zu are to be tried again", told.jobs, told.tries);
    scene_live(30 * MINUTE_MS);
    for (size_t i = 0; i < d->host->domains.n; i++)
        d->host->domains.items[i]->up = false;
    for (int64_t until = sim.w.now_ms + 2 * DAY_MS; told.tries == 0 && sim.w.now_ms < until;) {
        scene_live(MINUTE_MS);
        be_told(d);
    }
    if (told.tries == 0)
        sim_broken("nobody is told what is tried again");
    scene_end("who waits is told for what");
}

void play_scenes(void)
{
    waits_told();
    play_life_scenes();
    play_host_scenes();
    play_hand_scenes();
    play_libvirt_scenes();
    play_image_scenes();
    play_copy_scenes();
    play_notify_scene(93, 1);
    copies_given_up();
    catalog_full();
    export_left();
    numbers_used_before();
    looks_fail(LOOK_SURVEY);
    looks_fail(LOOK_EXAMINE);
}

/* SPDX-License-Identifier: MIT
 *
 * Scenes of what comes to an end: points by name, policies that leave, repositories that are not
 * there, old jobs. */
#include "tests/simulation/repo.h"
#include "tests/simulation/scenes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/delete.h"

static void check_last(const struct sim_daemon *d, const char *domain, const char *policy,
                       enum backup_level level, const char *why)
{
    struct point last = {0};

    if (!sim_last_good(d->catalog, domain, policy, &last))
        sim_broken("%s has no point", domain);
    if (last.level != level || (why && !strstr(last.why, why)))
        sim_broken("%s is %s: %s", last.id, level_name(last.level), last.why);
    point_done(&last);
}

/* The newest point goes by name, and the daemon is killed over it: its successor goes on with that.
 * Its checkpoint goes with it, so that the next is a full, and the one after that is none. */
static void newest_deleted(void)
{
    struct sim_daemon *d = scene_begin(12, 2);
    const char *domain = d->host->domains.items[1]->name; /* its disks hold bitmaps */
    const struct point_filter all = {0};
    struct point last = {0};
    struct strlist asked = {0};
    struct job_ids ids = {0};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    daemon_start(d);
    scene_live(3 * DAY_MS);
    act_as(d);
    sim_last_good(d->catalog, domain, "nightly", &last);
    strlist_add(&asked, last.id);
    if (delete_queue(scheduler_jobs(d->scheduler), &(struct deletion){.asked = &asked}, &ids,
                     &err) < 0)
        sim_broken("%s", err.msg);
    while (!scene_is_at(d, "removing"))
        scene_live(1);
    daemon_gone(d);
    daemon_start(d);
    scene_live(5 * MINUTE_MS);
    if (catalog_points(d->catalog, &all, &points, &err) < 0 || point_list_find(&points, last.id))
        sim_broken("%s is there still %s", last.id, err.msg);
    if (sim_stored_find(&sim.w.repo, last.id) || scene_jobs(d, "1 point deleted") != 1)
        sim_broken("the deletion of %s was not finished", last.id);
    scene_ask_for_all(d);
    scene_live(30 * MINUTE_MS);
    check_last(d, domain, "nightly", LEVEL_FULL, "a newer one was deleted on request");
    scene_ask_for_all(d);
    scene_live(30 * MINUTE_MS);
    check_last(d, domain, "nightly", LEVEL_INCREMENTAL, NULL);
    check_always();
    free(ids.items);
    point_done(&last);
    strlist_done(&asked);
    point_list_done(&points);
    scene_end("the newest point deleted by name");
}

static const struct point *base_of_another(const struct point_list *points)
{
    for (size_t i = 0; i < points->n; i++)
        if (points->items[i].parent && point_list_find(points, points->items[i].parent))
            return point_list_find(points, points->items[i].parent);
    sim_broken("no point stands on another");
    return NULL;
}

static void scene_until(const struct sim_daemon *d, const char *step)
{
    for (int ms = 0; ms < 1000; ms++) {
        if (scene_is_at(d, step))
            return;
        scene_live(1);
    }
    sim_broken("no job comes to '%s'", step);
}

/* A point is being merged into the next one when somebody restores: that goes first, the
 * rest of the deletion waits for its end, and is done then. */
static void deletion_yields(void)
{
    struct sim_daemon *d = scene_begin(13, 2);
    const char *domain = d->host->domains.items[1]->name;
    const struct point_filter of = {.domain = domain};
    const struct point *goes;
    struct strlist asked = {0};
    struct job_ids ids = {0};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    daemon_start(d);
    scene_live(3 * DAY_MS);
    act_as(d);
    if (catalog_points(d->catalog, &of, &points, &err) < 0 || points.n < 2)
        sim_broken("%zu points %s", points.n, err.msg);
    goes = base_of_another(&points);
    strlist_add(&asked, goes->id);
    if (delete_queue(scheduler_jobs(d->scheduler), &(struct deletion){.asked = &asked}, &ids,
                     &err) < 0)
        sim_broken("%s", err.msg);
    scene_until(d, "removing");
    scheduler_yield(d->scheduler, goes->host, domain, goes->policy);
    for (int ms = 0; ms < 1000 && scene_jobs(d, "gives way to somebody who reads") == 0; ms++)
        scene_live(1);
    if (scene_jobs(d, "gives way to somebody who reads") != 1)
        sim_broken("a merge does not give way to who reads");
    sim_read(&sim.w.repo, domain);
    scene_until(d, "held");
    scene_live(5 * MINUTE_MS);
    if (sim_stored_find(&sim.w.repo, asked.items[0]) || scene_jobs(d, "1 point deleted:") != 1)
        sim_broken("the deletion of %s was not gone on with", asked.items[0]);
    check_always();
    free(ids.items);
    strlist_done(&asked);
    point_list_done(&points);
    scene_end("a deletion gives way to who reads, and waits");
}

static void alter(struct sim_daemon *d, unsigned alteration)
{
    act_as(d);
    d->alteration = alteration;
    scheduler_reload(d->scheduler, read_config(d));
}

static size_t count_checkpoints(const struct sim_daemon *d, const char *policy)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    size_t n = 0;

    if (catalog_checkpoints(d->catalog, NULL, NULL, &rows, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < rows.n; i++)
        n += str_eq(rows.items[i].policy, policy);
    checkpoint_list_done(&rows);
    return n;
}

static size_t count_bitmaps(const struct sim_daemon *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->host->domains.n; i++)
        for (size_t k = 0; k < d->host->domains.items[i]->disks.n; k++)
            n += d->host->domains.items[i]->disks.items[k].bitmaps.n;
    return n;
}

/* A policy leaves the configuration, and is back within its grace: it goes on incrementally.  It
 * leaves for longer, over a restart: its checkpoints go. */
static void policy_away(void)
{
    struct sim_daemon *d = scene_begin(14, 2);
    const char *domain = d->host->domains.items[1]->name;
    size_t before;

    daemon_start(d);
    scene_live(2 * DAY_MS);
    alter(d, ALTER_POLICIES);
    scene_live(3 * DAY_MS);
    daemon_gone(d);
    daemon_start(d);
    scene_live(3 * DAY_MS);
    if (count_checkpoints(d, "often") == 0)
        sim_broken("a policy's checkpoint is released within its grace");
    alter(d, 0);
    scene_ask_for_all(d);
    scene_live(30 * MINUTE_MS);
    check_last(d, domain, "often", LEVEL_INCREMENTAL, NULL);
    before = count_bitmaps(d);
    alter(d, ALTER_POLICIES);
    daemon_gone(d);
    daemon_start(d);
    scene_live(8 * DAY_MS);
    if (count_checkpoints(d, "often") > 0 || count_checkpoints(d, "nightly") == 0)
        sim_broken("%zu checkpoints of a policy that is away are left, %zu of the other",
                   count_checkpoints(d, "often"), count_checkpoints(d, "nightly"));
    if (count_bitmaps(d) >= before)
        sim_broken("bitmaps of a policy that is away are left");
    alter(d, 0);
    scene_ask_for_all(d);
    scene_live(30 * MINUTE_MS);
    check_last(d, domain, "often", LEVEL_FULL, NULL);
    check_always();
    scene_end("a policy that leaves, comes back, and leaves for good");
}

/* The daemon dies while it publishes, and comes up without the repository's disk, for ms. */
static void publish_without_repository(struct sim_daemon *d, int64_t ms)
{
    scene_ask_for_all(d);
    while (!scene_is_at(d, "publishing"))
        scene_live(1);
    daemon_gone(d);
    sim.w.repo.gone = true;
    daemon_start(d);
    scene_live(MINUTE_MS);
    if (!scene_is_at(d, "awaiting-repository"))
        sim_broken("a finished copy does not wait for its repository");
    scene_live(ms);
    sim.w.repo.gone = false;
    scene_live(20 * MINUTE_MS);
}

/* The finished copy is published when the disk is there again, as what it is; after half an hour it
 * is given up. */
static void repository_awaited(void)
{
    struct sim_daemon *d = scene_begin(15, 1);
    const char *domain = d->host->domains.items[0]->name;
    struct point last = {0};
    size_t good;

    d->host->quiesces = true;
    daemon_start(d);
    scene_live(2 * DAY_MS);
    good = scene_jobs(d, "of 1 disk");
    publish_without_repository(d, 20 * MINUTE_MS);
    if (scene_jobs(d, "of 1 disk") < good + 1 || scene_jobs(d, "waited for in vain") > 0)
        sim_broken("a finished copy was thrown away");
    sim_last_good(d->catalog, domain, "nightly", &last);
    if (!last.quiesced)
        sim_broken("%s was quiesced, and its successor does not know", last.id);
    point_done(&last);
    publish_without_repository(d, 60 * MINUTE_MS);
    if (scene_jobs(d, "waited for in vain") == 0)
        sim_broken("a copy waits for ever for its repository");
    check_always();
    scene_end("a finished copy whose repository is not there");
}

/* Of the last scheduled backup of the policy. */
static struct job last_scheduled(const struct sim_daemon *d, const char *domain, const char *policy)
{
    const struct job_filter all = {.domain = domain};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    struct job ret = {0};

    if (catalog_jobs(d->catalog, &all, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++) {
        const struct job *j = &jobs.items[i];

        if (j->due != 0 && j->state == JOB_ENDED && j->id > ret.id && str_eq(j->policy, policy))
            ret = (struct job){.id = j->id, .due = j->due, .outcome = j->outcome};
    }
    job_list_done(&jobs);
    return ret;
}

/* A run comes due while the repository's disk is not mounted.  It fails, and is tried again soon;
 * when that finds the disk, the night is saved. */
static void repository_not_mounted(void)
{
    struct sim_daemon *d = scene_begin(17, 2);
    const char *domain = d->host->domains.items[1]->name; /* its disks hold bitmaps */
    struct job before, missed, saved;

    daemon_start(d);
    scene_live(2 * DAY_MS);
    before = last_scheduled(d, domain, "nightly");
    sim.w.repo.gone = true;
    do {
        scene_live(MINUTE_MS);
        missed = last_scheduled(d, domain, "nightly");
    } while (missed.due == before.due);
    if (missed.outcome != OUTCOME_FAILED || scene_jobs(d, "is the disk not mounted?") == 0)
        sim_broken("a backup without a repository has not failed");
    scene_live(6 * MINUTE_MS);
    if (last_scheduled(d, domain, "nightly").id == missed.id)
        sim_broken("a run that its repository was away for is not tried again");
    sim.w.repo.gone = false;
    scene_live(30 * MINUTE_MS);
    saved = last_scheduled(d, domain, "nightly");
    if (saved.outcome != OUTCOME_SUCCESS || saved.due != missed.due)
        sim_broken("the run was not saved after its repository had come back");
    check_last(d, domain, "nightly", LEVEL_INCREMENTAL, NULL);
    check_always();
    scene_end("a repository that is not mounted when a run comes due");
}

/* Is that what the daemon, and so `status`, says of the repository? */
static void check_seen(const struct sim_daemon *d, const char *state, const char *when)
{
    CLEANUP(seen_list_done) struct seen_list seen = {0};
    struct err err = ERR_INIT;

    if (catalog_seen(d->catalog, "repository", &seen, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    if (seen.n == 0 || !str_eq(seen.items[0].state, state))
        sim_broken("the repository %s, and is not said to be %s", when, state);
}

/* It is looked for again, soon at first, whether or not a job wants it: `status` is not to speak of
 * a trouble that is over until a run is due. */
static void repository_seen_again(void)
{
    struct sim_daemon *d = scene_begin(18, 1);

    daemon_start(d);
    scene_live(DAY_MS);
    for (int64_t ms = MINUTE_MS; ms < DAY_MS; ms *= 30) {
        sim.w.repo.gone = true;
        scene_ask_for(d, d->host->domains.items[0]->name);
        scene_live(ms);
        check_seen(d, "problem", "is away");
        sim.w.repo.gone = false;
        scene_live(ms < 30 * MINUTE_MS ? 2 * ms : 61 * MINUTE_MS);
        check_seen(d, "ok", "is back");
    }
    scene_end("a repository that comes back is seen again");
}

#define NIGHTLY_S 5400 /* 02:30 of the zone, by UTC */

/* A verification finds the last point damaged while the next is being put on it: that is no good
 * end, and a retry begins a full. */
static void base_found_damaged(void)
{
    struct sim_daemon *d = scene_begin(18, 1);
    const char *domain = d->host->domains.items[0]->name;
    struct point base = {0};
    struct err err = ERR_INIT;
    struct job failed;

    d->host->domains.items[0]->disks.items[0].raw = false;
    daemon_start(d);
    scene_live(2 * DAY_MS);
    scene_live(1000 * ((86400 + NIGHTLY_S - sim_wall(&sim.w) % 86400) % 86400));
    for (int ms = 0; !scene_is_at(d, "publishing"); ms += 10) {
        if (ms > MINUTE_MS)
            sim_broken("no backup publishes");
        scene_live(10);
    }
    sim_last_good(d->catalog, domain, "nightly", &base);
    if (catalog_point_set_damage(d->catalog, base.id, "a bit is another one", &err) < 0 ||
        catalog_point_set_state(d->catalog, base.id, POINT_DAMAGED, "a bit is another one", &err) <
            0)
        sim_broken("%s", err.msg);
    scene_live(2 * MINUTE_MS);
    failed = last_scheduled(d, domain, "nightly");
    if (failed.outcome != OUTCOME_FAILED ||
        scene_jobs(d, "which it stands on, was found damaged") != 1)
        sim_broken("a backup that stands on damage is a success");
    scene_live(30 * MINUTE_MS);
    check_last(d, domain, "nightly", LEVEL_FULL, "damaged");
    if (last_scheduled(d, domain, "nightly").due != failed.due)
        sim_broken("it was not tried again");
    check_always();
    point_done(&base);
    scene_end("a base that is found damaged while a backup runs");
}

/* Jobs that ended long ago go, but for the last of each kind. */
static void history_kept(void)
{
    const struct job_filter all = {0};
    struct sim_daemon *d = scene_begin(16, 1);
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    size_t old = 0;

    daemon_start(d);
    scene_live(60 * DAY_MS);
    if (catalog_jobs(d->catalog, &all, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        old += jobs.items[i].ended != 0 && jobs.items[i].ended < sim_wall(&sim.w) - 41 * 86400;
    if (old > 2 || jobs.n < 50)
        sim_broken("%zu of %zu jobs ended more than 40 days ago", old, jobs.n);
    job_list_done(&jobs);
    scene_end("old jobs go");
}

/* When a backup has ended the room is gone, but for the reserve, in which none would begin: the
 * prune after it has nothing to remove that would make room, and merges there. */
static void room_made_in_the_reserve(void)
{
    struct sim_daemon *d = scene_begin(19, 2);
    const char *domain = d->host->domains.items[1]->name; /* its disks hold bitmaps */
    uint64_t merges;

    sim.no_fulls = true;
    daemon_start(d);
    scene_live(MINUTE_MS);
    for (int i = 0; i < 5; i++) {
        scene_ask_for(d, domain);
        scene_live(60 * MINUTE_MS);
    }
    scene_ask_for(d, domain);
    while (!scene_is_at(d, "publishing"))
        scene_live(1);
    merges = sim.w.counts.merges;
    sim.w.repo.scarce = true;
    scene_live(60 * MINUTE_MS);
    if (sim.w.repo.scarce || sim.w.counts.merges == merges)
        sim_broken("nothing was merged in the reserve");
    merges = sim.w.counts.merges;
    scene_ask_for(d, domain);
    scene_live(60 * MINUTE_MS);
    if (sim.w.counts.merges == merges)
        sim_broken("the backup after that, or its prune, did not work");
    sim.no_fulls = false;
    scene_end("a prune that has no room but the reserve");
}

void play_life_scenes(void)
{
    room_made_in_the_reserve();
    newest_deleted();
    deletion_yields();
    policy_away();
    repository_awaited();
    repository_not_mounted();
    repository_seen_again();
    base_found_damaged();
    history_kept();
}

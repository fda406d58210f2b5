/* SPDX-License-Identifier: MIT
 *
 * Scenes of a host that behaves like libvirt: it bears no tags, and keeps of an ended job the
 * figures alone. */
#include "tests/simulation/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_daemon *begin(uint64_t seed)
{
    struct sim_daemon *d = scene_begin(seed, 1);

    sim_host_as_libvirt(d->host);
    daemon_start(d);
    scene_live(DAY_MS);
    return d;
}

/* Returns when that was. */
static int64_t begin_copy(struct sim_daemon *d, int64_t copy_ms)
{
    int64_t now = sim_wall(&sim.w);

    d->host->copy_ms = copy_ms;
    scene_ask_for(d, "d0");
    while (!scene_is_at(d, "copying"))
        scene_live(1);
    return now;
}

/* There is a point by the policy that pushes which was made since then. */
static bool has_point(const struct sim_daemon *d, int64_t since)
{
    struct point p = {0};
    bool ret = sim_last_good(d->catalog, "d0", "nightly", &p) && p.created >= since;

    point_done(&p);
    return ret;
}

static void away(struct sim_daemon *d, int64_t ms)
{
    daemon_gone(d);
    scene_live(ms);
    daemon_start(d);
    scene_live(10 * MINUTE_MS);
}

/* How one ended that nobody saw is told by its figures, where they can be nobody else's. */
static void ended_unseen(void)
{
    struct sim_daemon *d = begin(30);
    int64_t since = begin_copy(d, 100000);

    scene_live(95000);
    away(d, 10000);
    if (!has_point(d, since) || scene_jobs(d, "the daemon was stopped") > 0)
        sim_broken("a backup that was completed while nobody watched is lost");
    begin_copy(d, 100000);
    d->host->domains.items[0]->job.doomed = true;
    scene_live(95000);
    away(d, 10000);
    if (scene_jobs(d, "the copy failed while nobody watched") != 1)
        sim_broken("a copy that failed while nobody watched is not known to have failed");
    scene_end("ends that nobody saw");
}

/* Where they may be, it has failed, whatever they say. */
static void ended_unknown(void)
{
    struct sim_daemon *d = begin(31);
    struct sim_domain *domain = d->host->domains.items[0];
    int64_t since = begin_copy(d, 100000);

    domain->job.doomed = true;
    scene_live(90000);
    daemon_gone(d);
    scene_live(20000);
    sim_foreign_job(domain, 15000);
    scene_live(20000);
    daemon_start(d);
    scene_live(MINUTE_MS);
    if (scene_jobs(d, "the last job may be another's") != 1 || has_point(d, since))
        sim_broken("the figures of another's job are taken for ours");
    domain->last = HVJOB_NONE;
    begin_copy(d, 20000);
    daemon_gone(d);
    scene_live(MINUTE_MS);
    domain->last = HVJOB_NONE; /* libvirtd was started again */
    daemon_start(d);
    scene_live(MINUTE_MS);
    if (scene_jobs(d, "the host has no figures of it") != 1)
        sim_broken("an end of which nothing is known is believed");
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("ends that nobody can know");
}

/* What was left is ours if the catalog says what writes there; else it stays, and is in the way. */
static void whose_job(void)
{
    struct sim_daemon *d = begin(32);
    struct sim_domain *domain = d->host->domains.items[0];
    uint64_t points;
    size_t failed;

    d->host->deaf_aborts = 2;
    begin_copy(d, 0);
    scene_live(DAY_MS);
    if (d->host->deaf_aborts > 0 || scene_jobs(d, "cannot be ended") != 1)
        sim_broken("%zu backups were kept from beginning by what another one left",
                   scene_jobs(d, "cannot be ended"));
    points = sim.w.counts.points;
    sim_foreign_job(domain, 3 * MINUTE_MS);
    if (!domain->has_job)
        sim_broken("somebody else's job does not run");
    scene_ask_for(d, "d0");
    scene_live(MINUTE_MS);
    if (scene_jobs(d, "a backup that is not vmkeep's, into /foreign/") > 0 ||
        sim.w.counts.points > points || !domain->has_job)
        sim_broken("somebody else's job is not waited for, or was ended");
    scene_live(90 * 1000);
    if (scene_jobs(d, "a backup that is not vmkeep's, into /foreign/") == 0 ||
        scene_jobs(d, "at work on the domain; that was waited for, 2 minutes") == 0 ||
        sim.w.counts.points > points || !domain->has_job)
        sim_broken("somebody else's job is not in the way, or was ended");
    scene_live(5 * MINUTE_MS);
    failed = scene_jobs(d, "a backup that is not vmkeep's, into /foreign/");
    points = sim.w.counts.points;
    sim_foreign_job(domain, MINUTE_MS);
    scene_ask_for(d, "d0");
    scene_live(30 * MINUTE_MS);
    if (sim.w.counts.points == points)
        sim_broken("somebody else's job is in the way for ever");
    if (scene_jobs(d, "a backup that is not vmkeep's, into /foreign/") > failed)
        sim_broken("a backup does not wait for somebody else's job, which ends soon");
    scene_end("whose job it is");
}

/* What waits for others' work keeps nobody from a place. */
static void others_keep_no_place(void)
{
    enum { OCCUPIED = 5 }; /* as many as have a place at the host */
    struct sim_daemon *d = scene_begin(35, OCCUPIED + 1);
    char name[16];
    uint64_t points;

    sim_host_as_libvirt(d->host);
    daemon_start(d);
    scene_live(DAY_MS);
    for (int i = 0; i < OCCUPIED; i++) {
        sim_foreign_job(d->host->domains.items[i], 90 * 1000);
        snprintf(name, sizeof(name), "d%d", i);
        scene_ask_for(d, name);
    }
    scene_live(10 * 1000);
    points = sim.w.counts.points;
    d->host->copy_ms = 5000;
    scene_ask_for(d, "d5");
    scene_live(MINUTE_MS);
    if (sim.w.counts.points == points)
        sim_broken("backups that wait for others' work keep another one from beginning");
    points = sim.w.counts.points;
    scene_live(3 * MINUTE_MS);
    if (sim.w.counts.points < points + OCCUPIED ||
        scene_jobs(d, "a backup that is not vmkeep's, into /foreign/") > 0)
        sim_broken("not all that waited for others' work were made");
    scene_end("places of those that wait for others");
}

/* A transient domain that stops is gone, and its checkpoints with it: its next backup is a full. */
static void transient_stops(void)
{
    struct sim_daemon *d = begin(33);
    struct sim_domain *domain = d->host->domains.items[0];
    struct point p = {0};

    domain->transient = true;
    sim_qemu_restart(domain);
    sim_domain_goes(domain);
    scene_live(60 * MINUTE_MS);
    sim_domain_comes(domain);
    scene_live(MINUTE_MS);
    scene_ask_for(d, "d0");
    scene_live(30 * MINUTE_MS);
    if (!sim_last_good(d->catalog, "d0", "nightly", &p) || p.level != LEVEL_FULL ||
        sim_wall(&sim.w) - p.created > 1900)
        sim_broken("an increment is made from a checkpoint that was forgotten");
    point_done(&p);
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("a transient domain that stops");
}

/* A policy that gives no mode pulls to a repository of another machine, for nothing stands between
 * a push and the guest there. */
static void remote_repository(void)
{
    struct sim_daemon *d = begin(34);
    struct point p = {0};

    sim.w.repo.remote = "nfs";
    scene_ask_for(d, "d0");
    scene_live(30 * MINUTE_MS);
    if (!sim_last_good(d->catalog, "d0", "nightly", &p) || p.mode != MODE_PULL)
        sim_broken("a backup is pushed to a repository of another machine");
    point_done(&p);
    sim.w.repo.remote = NULL;
    scene_ask_for(d, "d0");
    scene_live(30 * MINUTE_MS);
    if (!sim_last_good(d->catalog, "d0", "nightly", &p) || p.mode != MODE_PUSH)
        sim_broken("a backup is pulled though its repository is here");
    point_done(&p);
    check_always();
    check_settled();
    scene_end("a repository of another machine");
}

void play_libvirt_scenes(void)
{
    remote_repository();
    ended_unseen();
    ended_unknown();
    whose_job();
    others_keep_no_place();
    transient_stops();
}

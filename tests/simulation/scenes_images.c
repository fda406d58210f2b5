/* SPDX-License-Identifier: MIT
 *
 * Scenes of a domain that is shut off, and backed up by its images, at hosts of both kinds. */
#include "tests/simulation/scenes.h"

#include <stdio.h>
#include <string.h>

static void shut_off(struct sim_domain *d)
{
    sim_qemu_restart(d);
    d->up = false;
}

/* It has been backed up while it ran, and is shut off. */
static struct sim_daemon *begin(uint64_t seed, bool libvirt)
{
    struct sim_daemon *d = scene_begin(seed, 1);

    if (libvirt) {
        sim_host_as_libvirt(d->host);
        sim_host_is_here(d->host);
    }
    daemon_start(d);
    scene_live(DAY_MS);
    d->host->copy_ms = 20000;
    shut_off(d->host->domains.items[0]);
    return d;
}

/* Until a copy of its images runs, of that mode. */
static void await_copy(const struct sim_domain *d, bool pull)
{
    const struct sim_job *j = &d->job;

    for (int64_t until = sim.w.now_ms + 10 * MINUTE_MS; sim.w.now_ms < until; scene_live(1))
        if (d->has_job && j->of_images && j->pull == pull && j->state == HVJOB_RUNNING)
            return;
    sim_broken("%s: its images are not copied", d->name);
}

static void check_last(const struct sim_daemon *d, const char *policy, int64_t since)
{
    struct point p = {0};

    if (!sim_last_good(d->catalog, "d0", policy, &p) || p.created < since ||
        p.level != LEVEL_INCREMENTAL)
        sim_broken("%s: there is no increment", policy);
    point_done(&p);
}

/* Increments go on from checkpoints that were made while it ran, and the other way round. */
static void chain_goes_on(bool libvirt)
{
    struct sim_daemon *d = begin(50, libvirt);
    int64_t since = sim_wall(&sim.w);

    scene_ask_for(d, "d0");
    scene_live(10 * MINUTE_MS);
    if (sim.w.counts.image_jobs != 2)
        sim_broken("%llu copies of images", (unsigned long long)sim.w.counts.image_jobs);
    check_last(d, "nightly", since);
    check_last(d, "often", since);
    sim_domain_starts(d->host->domains.items[0]);
    since = sim_wall(&sim.w);
    sim_guest_writes(d->host->domains.items[0]);
    scene_ask_for(d, "d0");
    scene_live(10 * MINUTE_MS);
    check_last(d, "nightly", since);
    check_last(d, "often", since);
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("a chain over a domain's end and start");
}

/* A copy during which its domain was started is no point, whether the hypervisor writes it or we
 * read it; and costs the chain nothing. */
static void torn(bool libvirt, bool pull)
{
    struct sim_daemon *d = begin(51, libvirt);
    struct sim_domain *domain = d->host->domains.items[0];
    int64_t since;

    scene_ask_for(d, "d0");
    await_copy(domain, pull);
    sim_domain_starts(domain);
    scene_live(MINUTE_MS);
    if (scene_jobs(d, "the domain was started while its images were being copied") != 1)
        sim_broken("a copy that was torn is not known to be");
    check_always();
    since = sim_wall(&sim.w);
    scene_ask_for(d, "d0");
    scene_live(10 * MINUTE_MS);
    check_last(d, pull ? "often" : "nightly", since);
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("a domain that starts while its images are copied");
}

/* The copy goes with the daemon, or with the process that makes it; the new bitmap goes too, and
 * the next one stands on the old one. */
static void broken_off(bool libvirt, bool daemon)
{
    struct sim_daemon *d = begin(52, libvirt);
    struct sim_domain *domain = d->host->domains.items[0];
    int64_t since;

    scene_ask_for(d, "d0");
    await_copy(domain, false);
    if (daemon) {
        daemon_gone(d);
        if (domain->has_job)
            sim_broken("a copy of images outlives its driver");
        daemon_start(d);
    } else {
        sim_images_break(domain);
    }
    scene_live(10 * MINUTE_MS);
    if (!daemon && scene_jobs(d, "the copy of the images has broken off") != 1)
        sim_broken("a copy that broke off is not known to have");
    since = sim_wall(&sim.w);
    scene_ask_for(d, "d0");
    scene_live(10 * MINUTE_MS);
    check_last(d, "nightly", since);
    sim_domain_starts(domain);
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("a copy of images that breaks off");
}

/* One that starts after it was looked at is copied by its QEMU, and the job is known there again
 * after a restart. */
static void starts_before(bool libvirt)
{
    struct sim_daemon *d = begin(53, libvirt);
    struct sim_domain *domain = d->host->domains.items[0];
    int64_t since = sim_wall(&sim.w);

    scene_ask_for(d, "d0");
    while (!scene_is_at(d, "preparing"))
        scene_live(1);
    sim_domain_starts(domain);
    while (!domain->has_job)
        scene_live(1);
    if (domain->job.of_images || domain->job.pull)
        sim_broken("%s runs, and its QEMU does not write the copy", domain->name);
    scene_live(5000);
    daemon_gone(d);
    daemon_start(d);
    scene_live(MINUTE_MS);
    check_last(d, "nightly", since);
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("a domain that starts before its images are copied");
}

void play_image_scenes(void)
{
    for (int libvirt = 0; libvirt < 2; libvirt++) {
        chain_goes_on(libvirt);
        starts_before(libvirt);
        for (int other = 0; other < 2; other++) {
            torn(libvirt, other);
            broken_off(libvirt, other);
        }
    }
}

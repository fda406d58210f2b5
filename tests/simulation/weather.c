/* SPDX-License-Identifier: MIT
 *
 * What happens to the daemons, their hosts and the repository, and what people ask for; see
 * run.h. */
#include "tests/simulation/by_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jobs/delete.h"
#include "tests/simulation/repo.h"

/* ---- asking ---- */

/* Only a job that the catalog calls open, not one whose end is told already, is in a new one's
 * way. */
static void check_refusal(const struct sim_daemon *d, const char *domain, const struct err *why)
{
    const struct job_filter open = {.domain = domain, .active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (!strstr(why->msg, " is already "))
        return;
    if (catalog_jobs(d->catalog, &open, &jobs, &err) == 0 && jobs.n == 0)
        sim_broken("%s: refused, though no job is open: %s", domain, why->msg);
    job_list_done(&jobs);
}

static void run_once_more(void *ctx)
{
    const struct sim_domain *domain = ctx;
    const struct sim_daemon *d = acting();
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    if (scheduler_run(d->scheduler, domain->name, NULL, &ids, NULL, &err) < 0)
        check_refusal(d, domain->name, &err);
    else if (sim_chance(&sim.w, 3000))
        scheduler_reload(d->scheduler, read_config(d));
    free(ids.items);
}

/* Somebody restores one of the domain's points: whoever merges them gives way. */
static void read_points(void *ctx)
{
    const struct sim_domain *domain = ctx;
    const struct sim_daemon *d = acting();
    const struct point_filter of = {.host = "sim", .domain = domain->name};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    if (catalog_points(d->catalog, &of, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    if (points.n > 0) {
        const struct point *p = &points.items[sim_random(&sim.w, (uint32_t)points.n)];

        scheduler_yield(d->scheduler, p->host, p->domain, p->policy);
        sim_read(&sim.w.repo, domain->name);
        sim.w.counts.readers++;
    }
    point_list_done(&points);
}

static bool removes(const struct job *j)
{
    return j->state == JOB_RUNNING && (str_eq(j->kind, JOB_PRUNE) || str_eq(j->kind, JOB_DELETE));
}

static void at_domain(const struct sim_daemon *d, const char *name, int64_t ms,
                      void (*what)(void *))
{
    for (size_t i = 0; i < d->host->domains.n; i++)
        if (strcmp(d->host->domains.items[i]->name, name) == 0)
            sim_at(&sim.w, ms, true, what, d->host->domains.items[i]);
}

void on_job(void *daemon, const void *job_event)
{
    const struct job_event *event = job_event;
    struct sim_daemon *d = daemon;
    struct sim_world *w = &sim.w;

    check_distance(d, event->job);
    hand_on_job(d, event);
    ask_about_jobs(d);
    tell_job(event->job);
    if (!w->faults.job_fails)
        return;
    if (event->job->state == JOB_ENDED && sim_chance(w, 500))
        at_domain(d, event->job->domain, 0, run_once_more);
    if (removes(event->job) && sim_chance(w, 500))
        at_domain(d, event->job->domain, 1 + sim_random(w, 3000), read_points);
}

/* ---- the weather ---- */

void guest_life(void *ctx)
{
    struct sim_domain *d = ctx;

    sim_guest_writes(d);
    sim_at(&sim.w, 1000 * (600 + (int64_t)sim_random(&sim.w, 4 * 3600)), false, guest_life, d);
}

static void domain_back(void *ctx)
{
    struct sim_domain *d = ctx;

    sim_domain_starts(d);
}

static void disk_trouble(struct sim_domain *d)
{
    struct sim_disk *disk = &d->disks.items[sim_random(&sim.w, (uint32_t)d->disks.n)];

    switch (sim_random(&sim.w, 5)) {
    case 0: /* another image in its place: other contents, no bitmaps of ours */
        disk->bitmaps.n = disk->raw ? 0 : 1;
        for (uint32_t i = 0; i < SIM_BLOCKS; i++)
            disk->blocks[i] = sim_random(&sim.w, UINT32_MAX);
        break;
    case 1: /* somebody removes a bitmap */
        if (disk->bitmaps.n > 1)
            disk->bitmaps.n--;
        break;
    case 2:
        if (d->disks.n < 4)
            sim_disk_add(d);
        break;
    case 3:
        disk->capacity += 65536;
        break;
    case 4:
        sim_disk_forget(d, disk);
        break;
    }
}

static void stopped(void *daemon)
{
    daemon_gone(daemon);
    daemon_back_later(daemon);
}

static void drained(void *daemon)
{
    sim_at(&sim.w, 0, true, stopped, daemon);
}

static void asked_again(void *daemon)
{
    struct sim_daemon *d = daemon;

    scheduler_cancel_all(d->scheduler);
}

/* As vmkeepd does on SIGTERM: jobs may end for a minute, or are cancelled by a second signal. */
static void stop_in_order(struct sim_daemon *d)
{
    scheduler_drain(d->scheduler, drained, d);
    if (sim_chance(&sim.w, 3000))
        sim_at(&sim.w, sim_random(&sim.w, 60000), true, asked_again, d);
    sim_at(&sim.w, 60000, true, stopped, d);
    sim.w.counts.stops++;
}

static void domain_comes(void *ctx)
{
    struct sim_domain *d = ctx;

    if (d->gone)
        sim_domain_comes(d);
}

/* A transient domain goes when it stops. */
static void stop_domain(struct sim_domain *d)
{
    int64_t ms = 1000 * (int64_t)sim_random(&sim.w, 20 * 3600);

    sim_qemu_restart(d);
    d->up = false;
    if (d->transient)
        sim_domain_goes(d);
    sim_at(&sim.w, ms, false, d->transient ? domain_comes : domain_back, d);
}

/* Somebody gives it a new name; it will be another domain, with the same disks. */
static void rename_domain(struct sim_domain *d)
{
    static const char first = 'k';
    char name[16];

    if (d->has_job || d->renamed)
        return;
    d->renamed = true;
    snprintf(name, sizeof(name), "%c%c%s", d->name[0], first, d->name + 1);
    sim_domain_rename(d, name);
}

/* What happens at a libvirt host alone. */
static void on_libvirt(struct sim_domain *d)
{
    if (sim_chance(&sim.w, 7000))
        sim_foreign_job(d, 1000 * (1 + (int64_t)sim_random(&sim.w, 600)));
    else
        rename_domain(d);
}

/* Nothing happens to a QEMU that is not there. */
static void on_shut_off(struct sim_domain *d)
{
    switch (sim_random(&sim.w, 3)) {
    case 0:
        sim_images_break(d);
        break;
    case 1:
        sim_domain_starts(d);
        break;
    case 2:
        if (!d->has_job)
            disk_trouble(d);
        break;
    }
}

static void on_domain(struct sim_domain *d)
{
    if (d->gone)
        return;
    if (d->host->libvirt && sim_chance(&sim.w, 2000)) {
        on_libvirt(d);
        return;
    }
    if (!d->up) {
        on_shut_off(d);
        return;
    }
    switch (sim_random(&sim.w, 4)) {
    case 0:
        sim_qemu_kill(d);
        break;
    case 1:
        sim_qemu_restart(d);
        break;
    case 2:
        stop_domain(d);
        break;
    case 3:
        if (!d->has_job)
            disk_trouble(d);
        break;
    }
}

/* One whose catalog is new would take whatever repository it finds for its own. */
static bool some_forget(void)
{
    bool ret = false;

    for (size_t i = 0; i < sim.n_daemons; i++)
        ret = ret || sim.daemons[i].forgets;
    return ret;
}

static void on_repository(void)
{
    struct sim_world *w = &sim.w;
    struct sim_repo *r = &w->repo;

    switch (sim_random(w, 6)) {
    case 0:
    case 1:
        r->gone = !r->gone;
        r->back_ms = w->now_ms;
        break;
    case 2:
    case 3:
        r->full = !r->full;
        break;
    case 4:
        if (!r->swapped)
            sim_point_harm(r, sim_chance(&sim.w, 5000));
        if (!r->swapped)
            sim_point_rots(r);
        break;
    case 5: /* not before all know theirs */
        if (w->now_ms > 2 * DAY_MS && !some_forget())
            sim_swap(r);
        r->back_ms = w->now_ms;
        break;
    }
}

/* Somebody, or a time server, puts it right. */
static void clock_right(void *unused)
{
    (void)unused;
    sim_set_clock(&sim.w, -sim.w.leap);
    sim.w.leap = 0;
}

/* By years, by a day, or to the beginning of time, for some minutes or hours. */
static void clock_leaps(void)
{
    struct sim_world *w = &sim.w;
    enum sim_leap leap = sim_random(w, SIM_LEAPS);
    const int64_t by[] = {[LEAP_YEARS_AHEAD] = INT64_C(3653) * 86400,
                          [LEAP_DAY_BACK] = -86400,
                          [LEAP_1970] = 600 - sim_wall(w)};

    if (w->leap)
        return;
    w->leap = by[leap];
    sim_set_clock(w, w->leap);
    w->counts.leaps[leap]++;
    sim_at(w, 1000 * (60 + (int64_t)sim_random(w, 6 * 3600)), false, clock_right, NULL);
}

/* The machine is reset, which takes its daemon along; its clock may be wrong when it comes up. */
static void reset_machine(struct sim_daemon *d)
{
    if (sim.n_daemons > 1)
        return; /* they have one clock */
    if (!d->down) {
        daemon_gone(d);
        daemon_back_later(d);
    }
    sim_reboot(&sim.w);
    sim.w.counts.reboots++;
    if (sim_chance(&sim.w, 3000))
        clock_leaps();
}

/* The wall clock is stepped, by minutes or by hours. */
static void on_clock(struct sim_daemon *d)
{
    if (sim_chance(&sim.w, 2000)) {
        clock_leaps();
        return;
    }
    if (sim_chance(&sim.w, 2000)) {
        reset_machine(d);
        return;
    }
    sim_set_clock(&sim.w, (int64_t)sim_random(&sim.w, sim_chance(&sim.w, 3000) ? 20000 : 600) -
                              (sim_chance(&sim.w, 3000) ? 10000 : 300));
    sim.w.counts.wall_steps++;
}

/* One of the domain's points, by name; perhaps with all that is based on it, perhaps by force. */
static void ask_deletion(struct sim_daemon *d, const struct sim_domain *domain)
{
    const struct point_filter of = {.host = "sim", .domain = domain->name};
    struct point_list points = {0};
    struct strlist asked = {0};
    struct job_ids ids = {0};
    struct err err = ERR_INIT;
    struct deletion deletion = {.asked = &asked, .dependents = sim_chance(&sim.w, 7000)};

    if (catalog_points(d->catalog, &of, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    deletion.force = sim_chance(&sim.w, 1000);
    if (points.n > 0) {
        strlist_add(&asked, points.items[sim_random(&sim.w, (uint32_t)points.n)].id);
        if (delete_queue(scheduler_jobs(d->scheduler), &deletion, &ids, &err) == 0 &&
            sim_chance(&sim.w, 1000))
            scheduler_cancel(d->scheduler, ids.items[0], &err);
    }
    point_list_done(&points);
    strlist_done(&asked);
    free(ids.items);
}

/* What people ask of a daemon. */
static void on_daemon(struct sim_daemon *d, const struct sim_domain *domain)
{
    struct sim_world *w = &sim.w;
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    act_as(d);
    switch (sim_random(w, 7)) {
    case 0:
        if (scheduler_run(d->scheduler, domain->name, NULL, &ids, NULL, &err) < 0)
            check_refusal(d, domain->name, &err);
        else if (ids.n > 0 && sim_chance(w, 5000))
            w->counts.cancels += scheduler_cancel(d->scheduler, ids.items[0], &err) == 0;
        break;
    case 1:
        scheduler_cancel_all(d->scheduler);
        w->counts.cancels++;
        break;
    case 2:
        scheduler_prune(d->scheduler, NULL, &ids, &err);
        break;
    case 3: /* the file changes; the daemon is told of it, or reads it at its next start */
        d->alteration = sim_random(w, ALTERATIONS);
        if (sim_chance(w, 7000))
            scheduler_reload(d->scheduler, read_config(d));
        break;
    case 4:
        stop_in_order(d);
        break;
    case 5:
        ask_deletion(d, domain);
        break;
    case 6:
        ask_pins(d, domain);
        break;
    }
    free(ids.items);
}

void weather(void *unused)
{
    struct sim_world *w = &sim.w;
    struct sim_daemon *d;
    struct sim_domain *domain;
    uint32_t what;

    if (sim.quiet)
        return;
    /* First of all, for what follows may kill the daemon and never come back here. */
    sim_at(w, 1000 * (int64_t)sim_random(w, 3 * 3600), false, weather, unused);
    d = &sim.daemons[sim_random(w, (uint32_t)sim.n_daemons)];
    domain = d->host->domains.items[sim_random(w, (uint32_t)d->host->domains.n)];
    what = sim_random(w, 18);
    if (what < 5)
        on_domain(domain);
    else if (what < 7)
        on_repository();
    else if (what < 8)
        on_clock(d);
    else if (!d->down && what < 13)
        on_daemon(d, domain);
    else if (!d->down)
        hand_asks(d, domain);
}

void calm_down(void)
{
    sim.quiet = true;
    sim.w.faults = (struct sim_faults){0};
    sim.w.repo.gone = sim.w.repo.full = false;
    clock_right(NULL);
    if (sim.w.repo.swapped)
        sim_swap(&sim.w.repo);
    for (size_t i = 0; i < sim.n_daemons; i++) {
        struct sim_daemon *d = &sim.daemons[i];

        d->alteration = 0;
        sim_at(&sim.w, 7200 * 1000, false, catalog_rebuild, d);
        act_as(d);
        if (!d->down)
            scheduler_reload(d->scheduler, read_config(d));
        for (size_t k = 0; k < d->host->domains.n; k++) {
            domain_comes(d->host->domains.items[k]);
            sim_domain_starts(d->host->domains.items[k]);
        }
    }
}

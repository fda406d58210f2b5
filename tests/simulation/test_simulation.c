/* SPDX-License-Identifier: MIT
 *
 * Days and years of the real scheduler in a simulated world (sim.h), and what must always hold in it.
 *
 *   test_simulation calm [--days N] [--domains N]
 *       no faults, but reloads: every due time gets exactly one good backup, in time
 *   test_simulation clock [--days N] [--domains N]
 *       a clock that is years ahead at first, and wanders then: all are backed up all the same
 *   test_simulation faults [--seed N] [--seeds N] [--days N] [--domains N]
 *       faults and kills from each seed; then three quiet days, after which all must be well
 *
 * The seed is printed; the same seed gives the same run.
 */
#include "tests/simulation/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/selection.h"

#define DAY_MS (INT64_C(86400) * 1000)
#define QUARTER_MS (INT64_C(900) * 1000)
#define WRONG_S (INT64_C(4) * 365 * 86400)
#define START INT64_C(1774000000) /* 2026-03-20, before a clock change */

/* What a reload may change; 0: nothing. */
enum { ALTER_HOST = 1, ALTER_PATH = 2, ALTER_SELECTION = 4, ALTER_POLICIES = 8, ALTERATIONS = 16 };

static char *config_text(unsigned alteration)
{
    static const char often[] = "  - name: often\n"
                                "    domains: ['d*', '!d?*5', '!d[0-9][0-9]']\n"
                                "    repository: main\n"
                                "    mode: pull\n"
                                "    schedule: { incremental: ['00/6:15'], full: ['Sat 12:15'] }\n"
                                "    keep: { last: 8, within: 2d }\n";

    return xasprintf("catalog: /unused\n"
                     "limits: { jobs: 6, jobs_per_host: 5, jobs_per_repository: 4 }\n"
                     "hosts:\n"
                     "  - name: sim\n"
                     "    driver: qemu\n"
                     "    domains: [{ name: d, qmp: /%s }]\n"
                     "repositories:\n"
                     "  - { name: main, path: /srv/%s, reserve: 1GiB }\n"
                     "policies:\n"
                     "  - name: nightly\n"
                     "    domains: ['d*'%s]\n"
                     "    repository: main\n"
                     "    schedule: { incremental: ['Mon..Sat 02:30'], full: ['Sun 02:30'] }\n"
                     "    keep: { last: 3, daily: 7, weekly: 4 }\n"
                     "    rpo: 26h\n"
                     "%s",
                     alteration & ALTER_HOST ? "other" : "unused",
                     alteration & ALTER_PATH ? "moved" : "backup",
                     alteration & ALTER_SELECTION ? ", '!d1', '!d2'" : "",
                     alteration & ALTER_POLICIES ? "" : often);
}

static struct {
    struct sim_world w;
    char dir[64];
    char catalog_path[96];
    struct zone *zone;
    struct catalog *catalog;
    struct scheduler *scheduler;
    char catalog_id[16];
    bool down;
    unsigned alteration; /* of the configuration as it stands */
} sim;

/* ---- the daemon's life ---- */

static struct hypervisor *make_hypervisor(void *ctx, const struct config_host *host,
                                          struct err *err)
{
    (void)ctx;
    (void)host;
    (void)err;
    return sim_hypervisor_new(&sim.w.host);
}

static struct store *make_store(void *ctx, const struct config_repository *repository)
{
    (void)ctx;
    (void)repository;
    return sim_store_new(&sim.w.repo);
}

static struct config *read_config(void)
{
    CLEANUP_FREE char *text = config_text(sim.alteration);
    struct diagnostics diags = {0};
    struct config *config = NULL;

    if (config_parse(text, strlen(text), "config", &config, &diags) < 0) {
        diagnostics_print(&diags, stderr);
        sim_broken("the configuration");
    }
    diagnostics_done(&diags);
    return config;
}

/* Only a job that the catalog calls open, not one whose end is told already, is in a new one's way. */
static void check_refusal(const char *domain, const struct err *why)
{
    const struct job_filter open = {.domain = domain, .active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (!strstr(why->msg, " is already "))
        return;
    if (catalog_jobs(sim.catalog, &open, &jobs, &err) == 0 && jobs.n == 0)
        sim_broken("%s: refused, though no job is open: %s", domain, why->msg);
    job_list_done(&jobs);
}

static void run_once_more(void *ctx)
{
    const struct sim_domain *d = ctx;
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    if (!sim.scheduler)
        return;
    if (scheduler_run(sim.scheduler, d->name, NULL, &ids, &err) < 0)
        check_refusal(d->name, &err);
    else if (sim_chance(&sim.w, 3000))
        scheduler_reload(sim.scheduler, read_config());
    free(ids.items);
}

/* Somebody who has waited for a job's end asks for the next one at once. */
static void on_job(void *ctx, const struct job_event *event)
{
    struct sim_world *w = &sim.w;

    (void)ctx;
    if (event->job->state != JOB_ENDED || !w->faults.job_fails || !sim_chance(w, 500))
        return;
    for (size_t i = 0; i < w->host.domains.n; i++)
        if (strcmp(w->host.domains.items[i]->name, event->job->domain) == 0)
            sim_at(w, 0, true, run_once_more, w->host.domains.items[i]);
}

static void check_queue(void);

static void daemon_start(void *ctx)
{
    const struct scheduler_env env = {
        .clock = &sim.w.clock,
        .zone = sim.zone,
        .hypervisor_new = make_hypervisor,
        .store_new = make_store,
    };
    struct scheduler_env with_catalog = env;
    struct err err = ERR_INIT;

    (void)ctx;
    if (catalog_open(sim.catalog_path, CATALOG_WRITE, &sim.catalog, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    snprintf(sim.catalog_id, sizeof(sim.catalog_id), "%s", catalog_id(sim.catalog));
    sim.w.catalog_id = sim.catalog_id;
    sim.w.catalog = sim.catalog;
    sim.down = false;
    sim.w.can_kill = true;
    with_catalog.catalog = sim.catalog;
    if (scheduler_new(&with_catalog, read_config(), &sim.scheduler, &err) < 0)
        sim_broken("start: %s", err.msg);
    scheduler_listen(sim.scheduler, on_job, NULL);
    check_queue();
}

/* As kill -9 leaves things. */
static void daemon_gone(void)
{
    sim_drop_daemon(&sim.w);
    scheduler_free(sim.scheduler);
    sim.scheduler = NULL;
    sim_drop_daemon(&sim.w);
    catalog_close(sim.catalog);
    sim.catalog = NULL;
    sim.down = true;
}

static void daemon_back_later(void)
{
    int64_t ms = sim_chance(&sim.w, 8000) ? 1000 : sim_random(&sim.w, 12 * 3600) * INT64_C(1000);

    sim_at(&sim.w, ms, false, daemon_start, NULL);
}

/* ---- what must hold at any time ---- */

static void check_checkpoints(const char *domain)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;

    if (catalog_checkpoints(sim.catalog, "sim", domain, &rows, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < rows.n; i++) {
        struct point last = {0};
        bool found = false;

        if (rows.items[i].state != CHECKPOINT_CURRENT)
            continue;
        if (catalog_last_good(sim.catalog, "sim", domain, rows.items[i].policy, &last, &found,
                              &err) < 0)
            sim_broken("catalog: %s", err.msg);
        if (!found || !str_eq(last.checkpoint, rows.items[i].name))
            sim_broken("%s: checkpoint %s is current, but is not that of the last good point",
                       domain, rows.items[i].name);
        point_done(&last);
    }
    checkpoint_list_done(&rows);
}

/* What waits is wanted: a policy that stands now covers it. */
static void check_queue(void)
{
    const struct job_filter active = {.active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (catalog_jobs(sim.catalog, &active, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++) {
        const struct job *j = &jobs.items[i];
        const struct config_policy *p =
            config_policy_find(scheduler_config(sim.scheduler), j->policy);

        if (j->kind == JOB_BACKUP && j->state == JOB_QUEUED &&
            (!p || !selection_matches_domain(&p->domains, "sim", j->domain)))
            sim_broken("job %lld waits, but policy %s covers %s no more", (long long)j->id,
                       j->policy, j->domain);
        for (size_t k = 0; k < i && j->kind == JOB_BACKUP; k++)
            if (jobs.items[k].kind == JOB_BACKUP && strcmp(jobs.items[k].domain, j->domain) == 0 &&
                strcmp(jobs.items[k].policy, j->policy) == 0)
                sim_broken("jobs %lld and %lld of policy %s are both open for %s",
                           (long long)jobs.items[k].id, (long long)j->id, j->policy, j->domain);
    }
    job_list_done(&jobs);
}

/* Every copy here moves on, whatever is done to the wall clock. */
static void check_stalls(void)
{
    const struct job_filter newest = {.limit = 200};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (catalog_jobs(sim.catalog, &newest, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        if (jobs.items[i].reason && strstr(jobs.items[i].reason, "moved nothing"))
            sim_broken("job %lld: %s", (long long)jobs.items[i].id, jobs.items[i].reason);
    job_list_done(&jobs);
}

static void check_always(void)
{
    if (sim.down)
        return;
    check_queue();
    check_stalls();
    sim_compare_all(&sim.w, sim.catalog);
    for (size_t i = 0; i < sim.w.host.domains.n; i++)
        check_checkpoints(sim.w.host.domains.items[i]->name);
}

/* ---- what must hold when all has been well for a while ---- */

static void check_no_debris(void)
{
    const struct job_filter active = {.active = true};
    CLEANUP_FREE char *ours = xasprintf("vmkeep-%s-", sim.catalog_id);
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (catalog_jobs(sim.catalog, &active, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        if (sim_wall(&sim.w) - jobs.items[i].created > 3600)
            sim_broken("job %lld of %s is still open", (long long)jobs.items[i].id,
                       jobs.items[i].domain);
    for (size_t i = 0; jobs.n == 0 && i < sim.w.repo.points.n; i++)
        if (!sim.w.repo.points.items[i]->published)
            sim_broken("%s is left in the making", sim.w.repo.points.items[i]->point.id);
    for (size_t i = 0; i < sim.w.host.domains.n && jobs.n == 0; i++) {
        struct sim_domain *d = sim.w.host.domains.items[i];
        struct checkpoint_list rows = {0};

        catalog_checkpoints(sim.catalog, "sim", d->name, &rows, &err);
        for (size_t k = 0; k < rows.n; k++)
            if (rows.items[k].state != CHECKPOINT_CURRENT)
                sim_broken("%s: checkpoint %s was never settled", d->name, rows.items[k].name);
        for (size_t k = 0; k < d->disks.n; k++) {
            const struct sim_disk *disk = &d->disks.items[k];

            for (size_t m = 0; m < disk->bitmaps.n; m++) {
                bool known = !starts_with(disk->bitmaps.items[m].name, ours);

                for (size_t n = 0; n < rows.n; n++)
                    known = known || strcmp(rows.items[n].name, disk->bitmaps.items[m].name) == 0;
                if (!known)
                    sim_broken("%s/%s: bitmap %s is left behind", d->name, disk->name,
                               disk->bitmaps.items[m].name);
            }
        }
        checkpoint_list_done(&rows);
    }
    job_list_done(&jobs);
}

static void check_fresh(void)
{
    for (size_t i = 0; i < sim.w.host.domains.n; i++) {
        struct sim_domain *d = sim.w.host.domains.items[i];
        struct point last = {0};
        struct err err = ERR_INIT;
        bool found = false;

        catalog_last_good(sim.catalog, "sim", d->name, "nightly", &last, &found, &err);
        if (!found || sim_wall(&sim.w) - last.created > 26 * 3600)
            sim_broken("%s has no point of the last 26 h", d->name);
        point_done(&last);
        for (size_t k = 0; k < d->disks.n; k++)
            if (!d->disks.items[k].raw && !sim_bitmap_find(&d->disks.items[k], "somebody-elses"))
                sim_broken("%s/%s: a bitmap that is not ours is gone", d->name,
                           d->disks.items[k].name);
    }
}

/* ---- the weather ---- */

static void guest_life(void *ctx)
{
    struct sim_domain *d = ctx;

    sim_guest_writes(d);
    sim_at(&sim.w, 1000 * (600 + (int64_t)sim_random(&sim.w, 4 * 3600)), false, guest_life, d);
}

static bool quiet;

static void domain_back(void *ctx)
{
    struct sim_domain *d = ctx;

    d->up = true;
}

static void disk_trouble(struct sim_domain *d)
{
    struct sim_disk *disk = &d->disks.items[sim_random(&sim.w, (uint32_t)d->disks.n)];

    switch (sim_random(&sim.w, 4)) {
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
    }
}

static void stopped(void *ctx)
{
    (void)ctx;
    daemon_gone();
    daemon_back_later();
}

static void drained(void *ctx)
{
    sim_at(&sim.w, 0, true, stopped, ctx);
}

static void asked_again(void *ctx)
{
    (void)ctx;
    scheduler_cancel_all(sim.scheduler);
}

/* As vmkeepd does on SIGTERM: jobs may end for a minute, or are cancelled by a second signal. */
static void stop_in_order(void)
{
    scheduler_drain(sim.scheduler, drained, NULL);
    if (sim_chance(&sim.w, 3000))
        sim_at(&sim.w, sim_random(&sim.w, 60000), true, asked_again, NULL);
    sim_at(&sim.w, 60000, true, stopped, NULL);
    sim.w.counts.stops++;
}

static void weather(void *ctx)
{
    struct sim_world *w = &sim.w;
    struct sim_domain *d = w->host.domains.items[sim_random(w, (uint32_t)w->host.domains.n)];
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    (void)ctx;
    if (quiet)
        return;
    /* First of all, for what follows may kill the daemon and never come back here. */
    sim_at(w, 1000 * (int64_t)sim_random(w, 3 * 3600), false, weather, NULL);
    switch (sim_random(w, 13)) {
    case 0:
        sim_qemu_kill(d);
        break;
    case 1:
    case 2:
        sim_qemu_restart(d);
        break;
    case 3:
        sim_qemu_restart(d);
        d->up = false;
        sim_at(w, 1000 * (int64_t)sim_random(w, 20 * 3600), false, domain_back, d);
        break;
    case 4:
        if (!d->has_job)
            disk_trouble(d);
        break;
    case 5:
        w->repo.gone = !w->repo.gone;
        break;
    case 6:
        w->repo.full = !w->repo.full;
        break;
    case 7: /* the wall clock is stepped, by minutes or by hours */
        w->wall_offset += (int64_t)sim_random(w, sim_chance(w, 3000) ? 20000 : 600) -
                          (sim_chance(w, 3000) ? 10000 : 300);
        w->counts.wall_steps++;
        break;
    case 8:
        if (!sim.scheduler)
            break;
        if (scheduler_run(sim.scheduler, d->name, NULL, &ids, &err) < 0)
            check_refusal(d->name, &err);
        else if (ids.n > 0 && sim_chance(w, 5000))
            w->counts.cancels += scheduler_cancel(sim.scheduler, ids.items[0], &err) == 0;
        break;
    case 9:
        if (sim.scheduler) {
            scheduler_cancel_all(sim.scheduler);
            w->counts.cancels++;
        }
        break;
    case 10:
        if (sim.scheduler)
            scheduler_prune(sim.scheduler, NULL, &ids, &err);
        break;
    case 11: /* the file changes; the daemon is told of it, or reads it at its next start */
        sim.alteration = sim_random(w, ALTERATIONS);
        if (sim.scheduler && sim_chance(w, 7000))
            scheduler_reload(sim.scheduler, read_config());
        break;
    case 12:
        if (sim.scheduler)
            stop_in_order();
        break;
    }
    free(ids.items);
}

static void calm_down(void)
{
    quiet = true;
    sim.w.faults = (struct sim_faults){0};
    sim.w.repo.gone = sim.w.repo.full = false;
    sim.alteration = 0;
    if (sim.scheduler)
        scheduler_reload(sim.scheduler, read_config());
    for (size_t i = 0; i < sim.w.host.domains.n; i++)
        sim.w.host.domains.items[i]->up = true;
}

/* ---- runs ---- */

static void world_make(uint64_t seed, int domains)
{
    char name[16], t[] = "/dev/shm/vmkeep-sim-XXXXXX";

    memset(&sim, 0, sizeof(sim));
    quiet = false;
    sim.w.rng = seed;
    sim.w.wall_offset = START;
    sim.w.host.w = &sim.w;
    sim.w.repo.w = &sim.w;
    sim_clock_init(&sim.w);
    snprintf(sim.dir, sizeof(sim.dir), "%s", mkdtemp(t));
    snprintf(sim.catalog_path, sizeof(sim.catalog_path), "%s/catalog.db", sim.dir);
    for (int i = 0; i < domains; i++) {
        struct sim_domain *d;

        snprintf(name, sizeof(name), "d%d", i);
        d = sim_domain_add(&sim.w.host, name, 1 + (size_t)i % 2);
        sim_at(&sim.w, 1 + sim_random(&sim.w, 3600000), false, guest_life, d);
    }
}

static void world_free(void)
{
    const char *suffixes[] = {"", "-wal", "-shm", ".lock", "-journal"};

    daemon_gone();
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP_FREE char *path = xasprintf("%s%s", sim.catalog_path, suffixes[i]);

        unlink(path);
    }
    if (rmdir(sim.dir) < 0)
        sim_broken("%s is not empty", sim.dir);
    for (size_t i = 0; i < sim.w.host.domains.n; i++) {
        struct sim_domain *d = sim.w.host.domains.items[i];

        for (size_t k = 0; k < d->disks.n; k++)
            free(d->disks.items[k].bitmaps.items);
        free(d->disks.items);
        free(d->job.images.items);
        free(d);
    }
    for (size_t i = 0; i < sim.w.repo.points.n; i++) {
        point_done(&sim.w.repo.points.items[i]->point);
        free(sim.w.repo.points.items[i]->images.items);
        free(sim.w.repo.points.items[i]);
    }
    free(sim.w.host.domains.items);
    free(sim.w.host.clients.items);
    free(sim.w.repo.points.items);
    free(sim.w.truths.items);
    free(sim.w.events.items);
    zone_free(sim.zone);
}

static void run_until(int64_t until_ms, int check_every)
{
    static volatile int steps;

    steps = 0;
    if (setjmp(sim.w.killed)) {
        daemon_gone();
        daemon_back_later();
    }
    while (sim_step(&sim.w, until_ms))
        if (check_every && ++steps % check_every == 0)
            check_always();
}

static void report(const char *what, double seconds)
{
    const struct sim_counts *c = &sim.w.counts;

    printf(
        "%s: %llu steps in %.1f s: %llu jobs (%llu increments, %llu pulls), %llu points, %llu pruned, "
        "%llu comparisons; faults: %llu kills, %llu operations, %llu jobs, %llu QEMU kills, "
        "%llu lost events, %llu clock steps, %llu cancels, %llu orderly stops\n",
        what, (unsigned long long)c->events, seconds, (unsigned long long)c->jobs,
        (unsigned long long)c->increments, (unsigned long long)c->pulls,
        (unsigned long long)c->points, (unsigned long long)c->prunes,
        (unsigned long long)c->compared, (unsigned long long)c->kills,
        (unsigned long long)c->op_faults, (unsigned long long)c->job_faults,
        (unsigned long long)c->qemu_kills, (unsigned long long)c->lost_events,
        (unsigned long long)c->wall_steps, (unsigned long long)c->cancels,
        (unsigned long long)c->stops);
    fflush(stdout);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void open_zone(void)
{
    struct err err = ERR_INIT;

    if (zone_open("Europe/Prague", &sim.zone, &err) < 0)
        sim_broken("%s", err.msg);
}

/* The due times of one policy in the run, straight from its expressions. */
static size_t count_due(const struct config_policy *p, int64_t from, int64_t to)
{
    int64_t at = from;
    size_t n = 0;

    for (;;) {
        int64_t first = INT64_MAX, t;

        for (size_t i = 0; i < p->incremental.n; i++)
            if (calspec_next(p->incremental.items[i], sim.zone, at, &t) && t < first)
                first = t;
        for (size_t i = 0; i < p->full.n; i++)
            if (calspec_next(p->full.items[i], sim.zone, at, &t) && t < first)
                first = t;
        if (first > to)
            return n;
        n++;
        at = first;
    }
}

static void check_calm(int64_t end)
{
    struct config *config = read_config();
    size_t due = 0;

    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];
        const struct job_filter filter = {.policy = p->name};
        struct job_list jobs = {0};
        struct err err = ERR_INIT;
        size_t covered = 0, good = 0;

        for (size_t k = 0; k < sim.w.host.domains.n; k++) {
            struct catalog_history h = {0};

            catalog_history(sim.catalog, "sim", sim.w.host.domains.items[k]->name, p->name, &h,
                            &err);
            covered += h.since > 0;
        }
        catalog_jobs(sim.catalog, &filter, &jobs, &err);
        for (size_t k = 0; k < jobs.n; k++) {
            const struct job *j = &jobs.items[k];

            if (j->kind != JOB_BACKUP)
                continue;
            if (j->state == JOB_ENDED && j->outcome != OUTCOME_SUCCESS)
                sim_broken("job %lld: %s", (long long)j->id, j->reason);
            if (j->started > j->due + 1800)
                sim_broken("job %lld started %lld s late", (long long)j->id,
                           (long long)(j->started - j->due));
            good += j->state == JOB_ENDED && j->due <= end;
        }
        due += covered * count_due(p, START, end);
        if (good != covered * count_due(p, START, end))
            sim_broken("policy %s: %zu good jobs for %zu due times of %zu domains", p->name, good,
                       count_due(p, START, end), covered);
        job_list_done(&jobs);
    }
    printf("calm: %zu due times, each with one good backup\n", due);
    config_free(config);
}

/* Somebody adds a domain to the host, again and again, a minute after backups have begun: those go
 * on, and no other is lost. */
static void host_changes(void *ctx)
{
    (void)ctx;
    sim.alteration ^= ALTER_HOST;
    scheduler_reload(sim.scheduler, read_config());
    sim_at(&sim.w, QUARTER_MS * (1 + sim_random(&sim.w, 16)), false, host_changes, NULL);
}

static int calm(int days, int domains)
{
    double begun = seconds_now();

    world_make(1, domains);
    open_zone();
    daemon_start(NULL);
    sim_at(&sim.w, QUARTER_MS - START * 1000 % QUARTER_MS + 60000, false, host_changes, NULL);
    run_until(days * DAY_MS, 0);
    run_until(days * DAY_MS + 3600 * 1000, 0); /* what was due in the last minutes ends */
    check_always();
    check_no_debris();
    check_fresh();
    check_calm(START + days * INT64_C(86400));
    report("calm", seconds_now() - begun);
    world_free();
    return 0;
}

/* Five minutes forward, and back again, while copies run. */
static void clock_wanders(void *ctx)
{
    static int64_t by = 300;

    sim.w.wall_offset += by;
    by = -by;
    sim.w.counts.wall_steps++;
    sim_at(&sim.w, QUARTER_MS, false, clock_wanders, ctx);
}

/* The daemon starts with a clock that is years ahead, as at a boot before NTP. */
static int wrong_clock(int days, int domains)
{
    double begun = seconds_now();

    world_make(1, domains);
    open_zone();
    sim.w.wall_offset += WRONG_S;
    daemon_start(NULL);
    run_until(60 * 1000, 0);
    sim.w.wall_offset -= WRONG_S;
    sim_at(&sim.w, QUARTER_MS - START * 1000 % QUARTER_MS - 40000, false, clock_wanders, NULL);
    run_until(days * DAY_MS, 0);
    check_always();
    check_no_debris();
    check_fresh();
    report("clock", seconds_now() - begun);
    world_free();
    return 0;
}

static void stormy(uint64_t seed, int days, int domains)
{
    double begun = seconds_now();
    char what[64];

    printf("faults: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    world_make(seed, domains);
    open_zone();
    sim.w.faults = (struct sim_faults){.op_fails = 150,
                                       .op_slow = 100,
                                       .job_fails = 500,
                                       .event_lost = 500,
                                       .event_doubled = 500,
                                       .kill_daemon = 12};
    sim_at(&sim.w, 0, false, daemon_start, NULL);
    sim_at(&sim.w, 1000, false, weather, NULL);
    run_until(days * DAY_MS, 997);
    calm_down();
    run_until(sim.w.now_ms + DAY_MS, 0);
    if (sim.down)
        sim_broken("the daemon did not come back");
    run_until(sim.w.now_ms + 2 * DAY_MS, 0);
    check_always();
    check_no_debris();
    check_fresh();
    snprintf(what, sizeof(what), "faults: seed %llu", (unsigned long long)seed);
    report(what, seconds_now() - begun);
    world_free();
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"days", required_argument, NULL, 'd'}, {"domains", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'}, {"seeds", required_argument, NULL, 'S'},
        {"verbose", no_argument, NULL, 'v'},    {NULL, 0, NULL, 0},
    };
    int days = 365, domains = 20, seeds = 1, c;
    uint64_t seed = (uint64_t)time(NULL);

    log_set_level(0);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'd')
            days = atoi(optarg);
        else if (c == 'n')
            domains = atoi(optarg);
        else if (c == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (c == 'S')
            seeds = atoi(optarg);
        else if (c == 'v')
            log_set_level(LOG_LVL_DEBUG);
        else
            return 2;
    }
    if (optind < argc && strcmp(argv[optind], "calm") == 0)
        return calm(days, domains);
    if (optind < argc && strcmp(argv[optind], "clock") == 0)
        return wrong_clock(days, domains);
    for (int i = 0; i < seeds; i++)
        stormy(seed + (uint64_t)i, days, domains);
    printf("%d passed, 0 failed\n", seeds);
    return 0;
}

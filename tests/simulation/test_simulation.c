/* SPDX-License-Identifier: MIT
 *
 * Days and years of the real scheduler in a simulated world (sim.h), and what must always hold in
 * it.
 *
 *   test_simulation calm [--days N] [--domains N]
 *       no faults, but reloads: every due time gets exactly one good backup, in time
 *   test_simulation years [--days N] [--domains N]
 *       no faults, one policy without scheduled fulls: what retention keeps is one chain a domain,
 *       which stands on one full for ever, and holds what the disks held
 *   test_simulation clock [--days N] [--domains N]
 *       a clock that is years ahead at first, and wanders then: all are backed up all the same;
 *       then weeks of clocks that are wrong in other ways
 *   test_simulation faults [--seed N] [--seeds N] [--days N] [--domains N]
 *       faults and kills from each seed; then three quiet days, after which all must be well
 *   test_simulation scenes
 *       short lives without faults, each around one thing
 *   test_simulation notify [--seed N] [--seeds N]
 *       the scene of notifications, with kills and targets that are away from each seed
 *
 * The seed is printed; the same seed gives the same run.
 */
#include "tests/simulation/run.h"
#include "tests/simulation/scenes.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define ENOUGH_SEEDS 4 /* to see all there is */
#define WRONG_S (INT64_C(4) * 365 * 86400)

static void run_until(int64_t until_ms, int check_every)
{
    static volatile int steps;

    steps = 0;
    if (setjmp(sim.w.killed)) {
        struct sim_daemon *d = acting();

        daemon_gone(d);
        daemon_back_later(d);
    }
    while (sim_step(&sim.w, until_ms))
        if (check_every && ++steps % check_every == 0)
            check_always();
}

static void report(const char *what, double seconds)
{
    const struct sim_counts *c = &sim.w.counts;

    printf(
        "%s: %llu steps in %.1f s: %llu jobs (%llu increments, %llu pulls), %llu points, "
        "%llu pruned, %llu comparisons; faults: %llu kills, %llu operations, %llu jobs, "
        "%llu QEMU kills, %llu lost events, %llu clock steps, %llu cancels, %llu orderly stops\n",
        what, (unsigned long long)c->events, seconds, (unsigned long long)c->jobs,
        (unsigned long long)c->increments, (unsigned long long)c->pulls,
        (unsigned long long)c->points, (unsigned long long)c->prunes,
        (unsigned long long)c->compared, (unsigned long long)c->kills,
        (unsigned long long)c->op_faults, (unsigned long long)c->job_faults,
        (unsigned long long)c->qemu_kills, (unsigned long long)c->lost_events,
        (unsigned long long)c->wall_steps, (unsigned long long)c->cancels,
        (unsigned long long)c->stops);
    asked_report();
    fflush(stdout);
}

/* ---- each kind of fault has happened ---- */

static struct sim_counts all;

static void add_counts(void)
{
    const uint64_t *from = (const uint64_t *)&sim.w.counts;
    uint64_t *to = (uint64_t *)&all;

    _Static_assert(sizeof(all) % sizeof(*to) == 0, "counts only");
    for (size_t i = 0; i < sizeof(all) / sizeof(*to); i++)
        to[i] += from[i];
}

/* Else the simulation proves less than it says. */
static void check_counts(void)
{
    const struct {
        const char *what;
        uint64_t n;
    } kinds[] = {
        {"kill of the daemon", all.kills},
        {"operation that fails", all.op_faults},
        {"job that fails", all.job_faults},
        {"kill of QEMU", all.qemu_kills},
        {"lost event", all.lost_events},
        {"step of the clock", all.wall_steps},
        {"cancel", all.cancels},
        {"orderly stop", all.stops},
        {"pull", all.pulls},
        {"prune", all.prunes},
        {"merge", all.merges},
        {"deletion by name", all.deleted},
        {"pin", all.pins},
        {"reader whom others give way to", all.readers},
        {"reader whom others give way to", all.readers},
        {"neighbour", all.neighbours},
        {"clock years ahead", all.leaps[LEAP_YEARS_AHEAD]},
        {"clock a day back", all.leaps[LEAP_DAY_BACK]},
        {"clock in 1970", all.leaps[LEAP_1970]},
        {"point of a wrong date", all.wrong_dates},
        {"reset of the machine", all.reboots},
        {"point that vanishes", all.vanished},
        {"point that is damaged", all.torn},
        {"point that rots", all.rotted},
        {"rot that is found", all.rot_found},
        {"point that is proven", all.proven},
        {"disk whose bitmaps forgot", all.forgot},
        {"increment that was not trusted", all.contradictions},
        {"exchange of the repository", all.swaps},
        {"refusal of another repository", all.strangers},
        {"refusal of a neighbour", all.denied},
        {"catalog that is put back", all.put_back},
        {"catalog that is lost", all.lost},
        {"catalog that is rebuilt", all.rebuilt},
        {"unknown point that is told", all.unknown},
        {"difference that is noticed", all.noticed},
        {"copy of a catalog", all.copies},
        {"request by hand", all.hand_asked},
        {"answer to one", all.hand_answers},
        {"good backup by hand", all.hand_good},
        {"failed one", all.hand_failed},
        {"checkpoint by hand", all.hand_checkpoints},
        {"increment by hand that is compared", all.hand_compared},
        {"one that is not trusted", all.hand_contradictions},
        {"host that tells its domains late", all.late_hosts},
        {"host that is away", all.away_hosts},
        {"domain that goes", all.gone},
        {"domain that comes", all.came},
        {"domain that is renamed", all.renamed},
        {"answer after 30 s", all.slow_answers},
        {"job of somebody else", all.foreign_jobs},
        {"end that no driver saw", all.unseen_ends},
        {"checkpoint that a host forgets", all.forgotten},
        {"copy of images", all.image_jobs},
        {"pull of images", all.image_pulls},
        {"copy of images that ends well", all.image_ends},
        {"copy of images that breaks off", all.image_breaks},
        {"start of a domain during one", all.image_starts},
        {"checkpoint of images by hand", all.image_checkpoints},
    };
    const char *missing = NULL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        printf("%s%s: %llu", i ? ", " : "in all: ", kinds[i].what, (unsigned long long)kinds[i].n);
        missing = missing || kinds[i].n ? missing : kinds[i].what;
    }
    putchar('\n');
    if (missing)
        sim_broken("no %s in all these seeds", missing);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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
    const struct sim_daemon *d = &sim.daemons[0];
    struct config *config = read_config(d);
    size_t due = 0;

    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];
        const struct job_filter filter = {.policy = p->name};
        struct job_list jobs = {0};
        struct err err = ERR_INIT;
        size_t covered = 0, good = 0;

        for (size_t k = 0; k < d->host->domains.n; k++) {
            struct catalog_history h = {0};

            catalog_history(d->catalog, "sim", d->host->domains.items[k]->name, p->name, &h, &err);
            covered += h.since > 0;
        }
        catalog_jobs(d->catalog, &filter, &jobs, &err);
        for (size_t k = 0; k < jobs.n; k++) {
            const struct job *j = &jobs.items[k];

            if (!str_eq(j->kind, JOB_BACKUP))
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
    struct sim_daemon *d = ctx;

    act_as(d);
    d->alteration ^= ALTER_HOST;
    scheduler_reload(d->scheduler, read_config(d));
    sim_at(&sim.w, QUARTER_MS * (1 + sim_random(&sim.w, 16)), false, host_changes, d);
}

static int calm(int days, int domains)
{
    double begun = seconds_now();

    sim_make(1, domains, NEIGHBOUR_NONE);
    sim.keeps_all = true;
    daemon_start(&sim.daemons[0]);
    sim_at(&sim.w, QUARTER_MS - START * 1000 % QUARTER_MS + 60000, false, host_changes,
           &sim.daemons[0]);
    run_until(days * DAY_MS, 0);
    run_until(days * DAY_MS + 3600 * 1000, 0); /* what was due in the last minutes ends */
    check_always();
    check_settled();
    check_calm(START + days * INT64_C(86400));
    report("calm", seconds_now() - begun);
    sim_free();
    return 0;
}

/* Each domain's points stand on one another, oldest first, and no more of them are there than the
 * rules keep: last 3, daily 7, weekly 4, the oldest, and one that goes next. */
static void check_one_chain(const struct sim_domain *domain)
{
    const struct point_filter of = {.host = "sim", .domain = domain->name};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    if (catalog_points(sim.daemons[0].catalog, &of, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    if (points.n < 8 || points.n > 7 + 4 + 2)
        sim_broken("%s has %zu points", domain->name, points.n);
    for (size_t i = 0; i < points.n; i++)
        for (size_t k = 0; k < points.items[i].disks.n; k++)
            if (!domain->disks.items[k].raw &&
                !str_eq(points.items[i].disks.items[k].backing, i ? points.items[i - 1].id : NULL))
                sim_broken("%s does not stand on the point before it", points.items[i].id);
    point_list_done(&points);
}

static int years(int days, int domains)
{
    double begun = seconds_now();

    sim_make(1, domains, NEIGHBOUR_NONE);
    sim.no_fulls = true;
    daemon_start(&sim.daemons[0]);
    for (int day = 0; day < days; day += 30) {
        run_until((day < days - 30 ? day + 30 : days) * DAY_MS, 0);
        check_always();
    }
    check_settled();
    for (size_t i = 0; i < sim.daemons[0].host->domains.n; i++)
        check_one_chain(sim.daemons[0].host->domains.items[i]);
    /* Raw disks have a full each time, on which nothing stands. */
    if (sim.w.counts.merges < (uint64_t)domains * (uint64_t)(days - 30) * 3 / 4)
        sim_broken("%llu merges in %d days", (unsigned long long)sim.w.counts.merges, days);
    printf("years: %llu merges\n", (unsigned long long)sim.w.counts.merges);
    report("years", seconds_now() - begun);
    sim_free();
    return 0;
}

/* Five minutes forward, and back again, while copies run. */
static void clock_wanders(void *ctx)
{
    static int64_t by = 300;

    sim_set_clock(&sim.w, by);
    by = -by;
    sim.w.counts.wall_steps++;
    sim_at(&sim.w, QUARTER_MS, false, clock_wanders, ctx);
}

/* The daemon starts with a clock that is years ahead, as at a boot before NTP. */
static int wrong_clock(int days, int domains)
{
    double begun = seconds_now();

    sim_make(1, domains, NEIGHBOUR_NONE);
    sim.w.wall_offset += WRONG_S;
    daemon_start(&sim.daemons[0]);
    run_until(60 * 1000, 0);
    sim_set_clock(&sim.w, -WRONG_S);
    sim_at(&sim.w, QUARTER_MS - START * 1000 % QUARTER_MS - 40000, false, clock_wanders, NULL);
    run_until(days * DAY_MS, 0);
    check_always();
    check_settled();
    report("clock", seconds_now() - begun);
    sim_free();
    return 0;
}

/* Weeks in which the clock is ten years ahead, a day back, in 1970, and right again in between. */
static int wrong_clocks(int domains, bool restart)
{
    double begun = seconds_now();

    sim_make(2, domains, NEIGHBOUR_NONE);
    daemon_start(&sim.daemons[0]);
    live_with_clocks(restart);
    check_always();
    check_settled();
    report(restart ? "clocks, with restarts" : "clocks", seconds_now() - begun);
    sim_free();
    return 0;
}

static enum sim_neighbour draw_neighbour(uint64_t seed)
{
    static const enum sim_neighbour of[] = {NEIGHBOUR_NONE, NEIGHBOUR_OTHER_NAMES, NEIGHBOUR_NONE,
                                            NEIGHBOUR_SAME_NAMES};

    return of[seed % ARRAY_LEN(of)];
}

/* Half of the seeds have a host that behaves like libvirt; the neighbour's is of the other kind.
 * Every other one of those is this machine. */
static void choose_hosts(uint64_t seed)
{
    for (size_t i = 0; i < sim.n_daemons; i++)
        if (((seed >> 1) + i) % 2 == 1) {
            sim_host_as_libvirt(sim.daemons[i].host);
            if (seed & 4)
                sim_host_is_here(sim.daemons[i].host);
        }
}

static bool keep_catalogs; /* none is put back or lost */

static void stormy(uint64_t seed, int days, int domains)
{
    double begun = seconds_now();
    char what[64];

    printf("faults: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    sim_make(seed, domains, draw_neighbour(seed));
    choose_hosts(seed);
    sim.w.repo.keeps_catalogs = true;
    sim.w.faults = (struct sim_faults){.op_fails = 150,
                                       .op_slow = 100,
                                       .job_fails = 500,
                                       .event_lost = 500,
                                       .event_doubled = 500,
                                       .images_disturbed = 3000,
                                       .kill_daemon = 12};
    for (size_t i = 0; i < sim.n_daemons; i++)
        sim_at(&sim.w, 0, false, daemon_start, &sim.daemons[i]);
    sim_at(&sim.w, 1000, false, weather, NULL);
    if (!keep_catalogs)
        sim_at(&sim.w, 2 * DAY_MS, false, catalog_trouble_comes, NULL);
    run_until(days * DAY_MS, 997);
    calm_down();
    run_until(sim.w.now_ms + 3 * DAY_MS, 0);
    check_always();
    check_settled();
    snprintf(what, sizeof(what), "faults: seed %llu", (unsigned long long)seed);
    report(what, seconds_now() - begun);
    add_counts();
    sim_free();
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"days", required_argument, NULL, 'd'},
        {"domains", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'S'},
        {"verbose", no_argument, NULL, 'v'},
        {"keep-catalogs", no_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
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
        else if (c == 'k')
            keep_catalogs = true;
        else if (c == 'v')
            log_set_level(LOG_LVL_DEBUG);
        else
            return 2;
    }
    if (optind < argc && strcmp(argv[optind], "calm") == 0)
        return calm(days, domains);
    if (optind < argc && strcmp(argv[optind], "years") == 0)
        return years(days, domains);
    if (optind < argc && strcmp(argv[optind], "clock") == 0)
        return wrong_clock(days, domains) || wrong_clocks(domains, false) ||
               wrong_clocks(domains, true);
    if (optind < argc && strcmp(argv[optind], "scenes") == 0) {
        play_scenes();
        return 0;
    }
    if (optind < argc && strcmp(argv[optind], "notify") == 0) {
        play_notify_scene(seed, seeds);
        return 0;
    }
    for (int i = 0; i < seeds; i++)
        stormy(seed + (uint64_t)i, days, domains);
    if (seeds >= ENOUGH_SEEDS) {
        check_counts();
        play_scenes();
        check_marks();
    }
    printf("%d passed, 0 failed\n", seeds);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The life of the daemons; see run.h. */
#include "tests/simulation/by_hand.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

struct sim_run sim;

static char *config_text(const struct sim_daemon *d)
{
    CLEANUP_FREE char *often =
        xasprintf("  - name: often\n"
                  "    domains: ['%c*', '!%c?*5', '!%c[0-9][0-9]']\n"
                  "    repository: main\n"
                  "    mode: pull\n"
                  "    schedule: { incremental: ['00/6:15'], full: ['Sat 12:15'],\n"
                  "      full_after: { incrementals: 24 } }\n"
                  "    keep: { last: 8, within: 2d }\n"
                  "    verify: { schedule: ['Wed 02:30'] }\n",
                  d->letter, d->letter, d->letter);

    return xasprintf("catalog: /unused\n"
                     "keep_history: %s\n"
                     "limits: { jobs: 6, jobs_per_host: 5, jobs_per_repository: 4 }\n"
                     "hosts:\n"
                     "  - name: sim\n"
                     "    driver: qemu\n"
                     "    domains: [{ name: %s, qmp: /%s }]\n"
                     "repositories:\n"
                     "  - { name: main, path: /srv/%s, reserve: 1GiB }\n"
                     "%s"
                     "%s"
                     "policies:\n"
                     "  - name: nightly\n"
                     "    domains: ['%c*'%s]\n"
                     "    repository: main\n"
                     "    schedule: { %s }\n"
                     "    keep: { last: 3, daily: 7, weekly: 4 }\n"
                     "    quiesce: try\n"
                     "    rpo: 26h\n"
                     "    verify: { schedule: ['Tue,Fri 02:30'], sample: 50%%, max_age: 10d }\n"
                     "%s%s",
                     sim.keeps_all ? "400d" : "40d", sim.tells ? "d0, qmp: /d0 }, { name: d1" : "d",
                     d->alteration & ALTER_HOST ? "other" : "unused",
                     d->alteration & ALTER_PATH ? "moved" : "backup",
                     sim.has_copies ? "  - { name: offsite, path: /srv/offsite }\n" : "",
                     sim.tells ? "notify:\n"
                                 "  - { name: t1, command: /bin/true }\n"
                                 "  - { name: t2, command: /bin/true }\n"
                               : "",
                     d->letter, d->alteration & ALTER_SELECTION ? ", '!?1', '!?2'" : "",
                     sim.no_fulls ? "incremental: ['02:30']"
                                  : "incremental: ['Mon..Sat 02:30'], full: ['Sun 02:30']",
                     sim.has_copies
                         ? "    copy_to: [{ repository: offsite, keep: { last: 3, daily: "
                           "5 } }]\n"
                         : "",
                     d->alteration & ALTER_POLICIES || sim.no_fulls ? "" : often);
}

struct config *read_config(const struct sim_daemon *d)
{
    CLEANUP_FREE char *text = config_text(d);
    struct diagnostics diags = {0};
    struct config *config = NULL;

    if (config_parse(text, strlen(text), "config", &config, &diags) < 0) {
        diagnostics_print(&diags, stderr);
        sim_broken("the configuration");
    }
    diagnostics_done(&diags);
    return config;
}

struct sim_daemon *acting(void)
{
    if (sim.w.acting == 0)
        sim_broken("no daemon does this");
    return &sim.daemons[sim.w.acting - 1];
}

void act_as(struct sim_daemon *d)
{
    sim_act_as(&sim.w, d->number);
}

static struct hypervisor *make_hypervisor(void *ctx, const struct config_host *host,
                                          struct err *err)
{
    (void)ctx;
    (void)host;
    (void)err;
    return sim_hypervisor_new(acting()->host);
}

static struct store *make_store(void *ctx, const struct config_repository *repository)
{
    (void)ctx;
    return sim_store_new(str_eq(repository->name, "offsite") ? &sim.w.offsite : &sim.w.repo);
}

void daemon_start(void *daemon)
{
    struct sim_daemon *d = daemon;
    struct scheduler_env env = {
        .clock = &sim.w.clock,
        .zone = sim.zone,
        .hypervisor_new = make_hypervisor,
        .store_new = make_store,
        .settle_s = 5,
    };
    struct err err = ERR_INIT;

    act_as(d);
    catalog_save_now_and_then(d);
    if (catalog_open(d->catalog_path, CATALOG_WRITE, &d->catalog, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    snprintf(d->catalog_id, sizeof(d->catalog_id), "%s", catalog_id(d->catalog));
    sim.w.daemons[d->number].catalog_id = d->catalog_id;
    sim.w.daemons[d->number].catalog = d->catalog;
    act_as(d);
    sim_note_catalog(&sim.w, d->number, d->catalog_id);
    d->down = false;
    d->life++;
    d->up_ms = sim.w.now_ms;
    d->lives_on = d->forgets;
    sim.w.daemons[d->number].can_kill = true;
    env.catalog = d->catalog;
    if (scheduler_new(&env, read_config(d), &d->scheduler, &err) < 0)
        sim_broken("start: %s", err.msg);
    d->jobs = (struct observer){.hear = on_job, .ctx = d};
    scheduler_listen(d->scheduler, &d->jobs);
    tell_begins(d);
    check_queue(d);
}

void daemon_gone(struct sim_daemon *d)
{
    act_as(d);
    sim_drop_daemon(&sim.w, d->number);
    tell_gone();
    scheduler_free(d->scheduler);
    d->scheduler = NULL;
    sim_drop_daemon(&sim.w, d->number);
    catalog_close(d->catalog);
    d->catalog = NULL;
    sim.w.daemons[d->number].catalog = NULL;
    d->down = true;
}

void daemon_back_later(struct sim_daemon *d)
{
    int64_t ms = sim_chance(&sim.w, 8000) ? 1000 : sim_random(&sim.w, 12 * 3600) * INT64_C(1000);

    sim_at(&sim.w, ms, false, daemon_start, d);
}

/* ---- making and removing all of it ---- */

static void daemon_make(int domains, char letter)
{
    struct sim_daemon *d = &sim.daemons[sim.n_daemons++];
    char name[16];

    d->number = (int)sim.n_daemons;
    d->down = true;
    d->letter = letter;
    d->host = &sim.w.hosts[d->number - 1];
    *d->host =
        (struct sim_host){.w = &sim.w,
                          .daemon = d->number,
                          .can = HV_OFFLINE | HV_COMPARES | HV_TAGS | HV_KEEPS_ENDED | HV_SHIELDS,
                          .answer_s = 5};
    sim.w.daemons[d->number].host = d->host;
    snprintf(d->catalog_path, sizeof(d->catalog_path), "%s/catalog%d.db", sim.dir, d->number);
    snprintf(d->saved_path, sizeof(d->saved_path), "%s/saved%d.db", sim.dir, d->number);
    for (int i = 0; i < domains; i++) {
        struct sim_domain *domain;

        snprintf(name, sizeof(name), "%c%d", letter, i);
        domain = sim_domain_add(d->host, name, 1 + (size_t)i % 2);
        domain->images = i % 4 < 2;
        sim_at(&sim.w, 1 + sim_random(&sim.w, 3600000), false, guest_life, domain);
    }
}

void sim_make(uint64_t seed, int domains, enum sim_neighbour neighbour)
{
    char t[] = "/dev/shm/vmkeep-sim-XXXXXX";
    struct err err = ERR_INIT;

    memset(&sim, 0, sizeof(sim));
    sim.w.rng = seed;
    sim.w.wall_offset = START;
    sim.w.repo.w = sim.w.offsite.w = &sim.w;
    sim.neighbour = neighbour;
    sim_clock_init(&sim.w);
    snprintf(sim.dir, sizeof(sim.dir), "%s", mkdtemp(t));
    log_debug("the run's files are in %s", sim.dir);
    medium_make(&sim.w.repo.here, 1);
    medium_make(&sim.w.repo.aside, 2);
    medium_make(&sim.w.offsite.here, 3);
    if (zone_open("Europe/Prague", &sim.zone, &err) < 0)
        sim_broken("%s", err.msg);
    asked_begin();
    daemon_make(domains, 'd');
    sim.w.counts.neighbours += neighbour != NEIGHBOUR_NONE;
    if (neighbour != NEIGHBOUR_NONE)
        daemon_make(1 + domains / 4, neighbour == NEIGHBOUR_SAME_NAMES ? 'd' : 'e');
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void sim_remove_tree(const char *path)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        sim_broken("%s cannot be removed", path);
}

static void host_free(struct sim_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        struct sim_domain *d = h->domains.items[i];

        for (size_t k = 0; k < d->disks.n; k++)
            free(d->disks.items[k].bitmaps.items);
        free(d->disks.items);
        free(d->job.images.items);
        free(d);
    }
    for (size_t i = 0; i < h->former.n; i++)
        free(h->former.items[i]);
    free(h->former.items);
    free(h->domains.items);
    free(h->clients.items);
}

static void medium_free(struct sim_medium *m)
{
    for (size_t i = 0; i < m->points.n; i++) {
        point_done(&m->points.items[i]->point);
        free(m->points.items[i]->images.items);
        free(m->points.items[i]);
    }
    free(m->points.items);
    free(m->owners.items);
}

void sim_free(void)
{
    for (size_t i = 0; i < sim.n_daemons; i++) {
        daemon_gone(&sim.daemons[i]);
        host_free(sim.daemons[i].host);
        free(sim.w.daemons[i + 1].ids.items);
    }
    hand_free();
    sim_remove_tree(sim.dir);
    medium_free(&sim.w.repo.here);
    medium_free(&sim.w.repo.aside);
    medium_free(&sim.w.offsite.here);
    strlist_done(&sim.w.offsite.lost);
    strlist_done(&sim.w.repo.lost);
    free(sim.queued.items);
    free(sim.w.truths.items);
    free(sim.w.events.items);
    zone_free(sim.zone);
}

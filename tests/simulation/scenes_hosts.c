/* SPDX-License-Identifier: MIT
 *
 * Scenes of hosts that tell their domains late, have others than before, or take long to answer. */
#include "tests/simulation/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static size_t count(const struct sim_daemon *d, const struct job_filter *of,
                    enum job_outcome outcome)
{
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    size_t n = 0;

    if (catalog_jobs(d->catalog, of, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        n += outcome == OUTCOME_NONE || jobs.items[i].outcome == outcome;
    job_list_done(&jobs);
    return n;
}

static size_t count_open(const struct sim_daemon *d)
{
    return count(d, &(const struct job_filter){.active = true}, OUTCOME_NONE);
}

static size_t count_ended(const struct sim_daemon *d, enum job_outcome outcome)
{
    return count(d, &(const struct job_filter){0}, outcome);
}

static void check_seen(const struct sim_daemon *d, const char *kind, const char *name,
                       const char *state, const char *problem)
{
    struct seen_list seen = {0};
    struct err err = ERR_INIT;
    const struct seen *s;

    if (catalog_seen(d->catalog, kind, &seen, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    s = seen_list_find(&seen, name);
    if (!str_eq(s ? s->state : NULL, state))
        sim_broken("%s %s is seen as %s, not %s", kind, name, s ? s->state : "nothing",
                   state ? state : "nothing");
    if (problem && (!s->problem || !strstr(s->problem, problem)))
        sim_broken("%s %s: the problem is told as %s", kind, name,
                   s->problem ? s->problem : "none");
    seen_list_done(&seen);
}

static void drained(void *unused)
{
    (void)unused;
}

/* A daemon with jobs that run and jobs that wait, and with room for more, is killed, and started
 * again while its host takes so long to tell its domains. */
static struct sim_daemon *killed_at_work(uint64_t seed, int64_t tells_ms)
{
    struct sim_daemon *d = scene_begin(seed, 8);

    daemon_start(d);
    scene_live(DAY_MS);
    scene_ask_for_all(d);
    while (!scene_is_at(d, "copying"))
        scene_live(1);
    act_as(d);
    scheduler_drain(d->scheduler, drained, NULL);
    while (scheduler_count(d->scheduler).running > 2)
        scene_live(1);
    d->host->tells_ms = tells_ms;
    return d;
}

/* Nothing that waits or runs is lost for that; nor is what waits for a domain of which the catalog
 * says that it was gone. */
static void host_tells_late(void)
{
    struct sim_daemon *d = killed_at_work(20, 45000);
    size_t open = count_open(d), skipped = count_ended(d, OUTCOME_SKIPPED),
           failed = count_ended(d, OUTCOME_FAILED), domains = scheduler_count(d->scheduler).domains;
    struct err err = ERR_INIT;

    if (catalog_cover_gone(d->catalog, "sim", "d7", sim_wall(&sim.w), &err) < 0)
        sim_broken("catalog: %s", err.msg);
    daemon_gone(d);
    daemon_start(d);
    if (scheduler_count(d->scheduler).domains != domains - 1)
        sim_broken("of %zu domains %zu are covered while the host has not told its domains",
                   domains, scheduler_count(d->scheduler).domains);
    scene_live(30000);
    if (count_open(d) != open)
        sim_broken("%zu of %zu jobs have ended before the host told its domains",
                   open - count_open(d), open);
    check_seen(d, "policy", "nightly", "ok", NULL);
    scene_live(30 * MINUTE_MS);
    if (count_open(d) > 0 || count_ended(d, OUTCOME_SKIPPED) > skipped ||
        count_ended(d, OUTCOME_FAILED) > failed)
        sim_broken("%zu jobs are open, %zu were skipped, %zu failed", count_open(d),
                   count_ended(d, OUTCOME_SKIPPED) - skipped,
                   count_ended(d, OUTCOME_FAILED) - failed);
    if (scheduler_count(d->scheduler).domains != domains)
        sim_broken("%zu domains were covered, now %zu", domains,
                   scheduler_count(d->scheduler).domains);
    check_always();
    scene_end("a host that tells its domains late");
}

/* It is waited for only so long, and shown; what is covered stands until it has told. */
static void host_is_away(void)
{
    struct sim_daemon *d = killed_at_work(21, 3600 * 1000);
    size_t domains = scheduler_count(d->scheduler).domains;

    daemon_gone(d);
    daemon_start(d);
    scene_live(50000);
    check_seen(d, "domain", "sim/d1", "running", NULL);
    scene_live(20000);
    check_seen(d, "domain", "sim/d1", "unreachable", "host unreachable since 2026-");
    check_seen(d, "host", "sim", "unreachable", "unreachable since 2026-");
    scene_live(10 * MINUTE_MS);
    if (count_open(d) > 0)
        sim_broken("%zu jobs still wait for a host that is away", count_open(d));
    if (count_ended(d, OUTCOME_SKIPPED) > 0)
        sim_broken("jobs were skipped because the host is away");
    check_seen(d, "policy", "nightly", "ok", NULL);
    if (scheduler_count(d->scheduler).domains != domains)
        sim_broken("domains are covered no more because the host is away");
    scene_live(60 * MINUTE_MS);
    check_seen(d, "domain", "sim/d1", "running", NULL);
    check_seen(d, "host", "sim", NULL, NULL);
    d->host->tells_ms = 0;
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("a host that is away");
}

static void check_request(struct sim_daemon *d, const char *domain, const char *words)
{
    struct err err = ERR_INIT;
    int64_t job;

    act_as(d);
    if (api_abort(scheduler_jobs(d->scheduler), domain, &job, &err) == 0 || !strstr(err.msg, words))
        sim_broken("%s: the answer is \"%s\"", domain, err.msg);
}

/* Who asks meanwhile is not told that there is no such domain. */
static void asked_too_early(void)
{
    struct sim_daemon *d = scene_begin(22, 1);

    d->host->tells_ms = 10000;
    daemon_start(d);
    scene_live(1000);
    check_seen(d, "policy", "nightly", NULL, NULL);
    check_request(d, "d0", "are not known yet: it is being connected to");
    scene_live(MINUTE_MS);
    check_request(d, "d0", "no job of domain d0 runs");
    check_request(d, "d7", "no host has a domain 'd7'");
    scene_end("a question before the domains are known");
}

static enum backup_level last_level(const struct sim_daemon *d, const char *domain)
{
    struct point p = {0};
    enum backup_level ret;

    if (!sim_last_good(d->catalog, domain, "nightly", &p))
        sim_broken("%s has no point", domain);
    if (sim_wall(&sim.w) - p.created > 1800)
        sim_broken("the last point of %s is %lld s old", domain,
                   (long long)(sim_wall(&sim.w) - p.created));
    ret = p.level;
    point_done(&p);
    return ret;
}

static size_t count_current(const struct sim_daemon *d, const char *domain)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    size_t n = 0;

    if (catalog_checkpoints(d->catalog, "sim", domain, &rows, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < rows.n; i++)
        n += rows.items[i].state == CHECKPOINT_CURRENT;
    checkpoint_list_done(&rows);
    return n;
}

static void ask_for_prune(struct sim_daemon *d, const char *domain)
{
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    act_as(d);
    if (scheduler_prune(d->scheduler, domain, &ids, &err) < 0)
        sim_broken("%s", err.msg);
    free(ids.items);
}

/* A job runs and one waits when it goes; while it is gone it misses a run, which is made up for,
 * and its chain goes on. */
static void one_goes(struct sim_daemon *d, struct sim_domain *domain)
{
    size_t current = count_current(d, domain->name);

    scene_ask_for(d, domain->name);
    ask_for_prune(d, domain->name);
    scene_live(500);
    sim_domain_goes(domain);
    scene_live(MINUTE_MS);
    if (count_open(d) > 0 || scene_jobs(d, "has no domain d1 any more") != 1)
        sim_broken("a job waits for a domain that is gone");
    if (count_current(d, domain->name) != current)
        sim_broken("checkpoints of a domain that is gone are dropped");
    check_seen(d, "domain", "sim/d1", NULL, NULL);
    check_request(d, "d1", "no host has a domain 'd1'");
    daemon_gone(d);
    daemon_start(d);
    scene_live(2 * DAY_MS);
    sim_domain_comes(domain);
    scene_live(20 * MINUTE_MS);
    last_level(d, "d1");
    scene_ask_for(d, "d1");
    scene_live(10 * MINUTE_MS);
    if (last_level(d, "d1") != LEVEL_INCREMENTAL)
        sim_broken("the chain of a domain that was gone does not go on");
}

/* One that comes is backed up, and so is one that gets another name. */
static void domains_come_and_go(void)
{
    struct sim_daemon *d = scene_begin(23, 3);

    daemon_start(d);
    scene_live(DAY_MS);
    sim_domain_comes(sim_domain_add(d->host, "d3", 1));
    scene_live(MINUTE_MS);
    check_seen(d, "domain", "sim/d3", "running", NULL);
    scene_ask_for(d, "d3");
    scene_live(20 * MINUTE_MS);
    last_level(d, "d3");
    one_goes(d, d->host->domains.items[1]);
    sim_domain_rename(d->host->domains.items[2], "d4");
    scene_live(MINUTE_MS);
    check_seen(d, "domain", "sim/d2", NULL, NULL);
    scene_ask_for(d, "d4");
    scene_live(20 * MINUTE_MS);
    if (last_level(d, "d4") != LEVEL_FULL)
        sim_broken("a domain of another name goes on with a chain that it does not have");
    scene_live(DAY_MS);
    check_always();
    check_settled();
    scene_end("domains that come and go");
}

/* A host that takes half a minute for an answer, and is not to be reached for one more, costs no
 * copy. */
static void host_is_slow(void)
{
    struct sim_daemon *d = scene_begin(24, 1);

    d->host->answer_s = 30;
    daemon_start(d);
    scene_live(MINUTE_MS);
    scene_ask_for_all(d);
    while (!scene_is_at(d, "copying"))
        scene_live(1);
    d->host->silent = true;
    scene_live(70000);
    d->host->silent = false;
    scene_live(10 * MINUTE_MS);
    if (count_ended(d, OUTCOME_FAILED) > 0 || count_ended(d, OUTCOME_SUCCESS) == 0)
        sim_broken("a copy was given up because its host took long to answer");
    scene_end("a host that takes long to answer");
}

/* A look that ends after its domain has gone does not bring it back. */
static void gone_while_looked_at(void)
{
    struct sim_daemon *d = scene_begin(27, 2);

    daemon_start(d);
    scene_live(MINUTE_MS);
    scene_ask_for(d, "d1");
    d->host->w->slow_ms = 30000; /* of what it does first: the look */
    scene_live(1000);
    sim_domain_goes(d->host->domains.items[1]);
    scene_live(10 * MINUTE_MS);
    check_seen(d, "domain", "sim/d1", NULL, NULL);
    check_seen(d, "domain", "sim/d0", "running", NULL);
    scene_end("a domain that goes while it is looked at");
}

/* One that cannot tell what disks hold makes increments all the same; of what is shut off it backs
 * up nothing, and says so. */
static void host_can_less(void)
{
    struct sim_daemon *d = scene_begin(25, 1);

    d->host->can = HV_TAGS | HV_KEEPS_ENDED;
    daemon_start(d);
    scene_live(20 * MINUTE_MS);
    for (int i = 0; i < 2; i++) {
        scene_ask_for(d, "d0");
        scene_live(20 * MINUTE_MS);
    }
    if (last_level(d, "d0") != LEVEL_INCREMENTAL)
        sim_broken("a host that cannot compare gets no increments");
    d->host->domains.items[0]->up = false;
    scene_ask_for(d, "d0");
    scene_live(MINUTE_MS);
    if (scene_jobs(d, "the domain is shut off, and its host backs up only those that run") == 0)
        sim_broken("a backup of a domain that is shut off does not say why it failed");
    scene_end("a host that can less");
}

/* Where domains are the configuration's, one that goes has left it: its checkpoint stays for the
 * same grace as a removed policy's. */
static void domain_leaves_configuration(void)
{
    struct sim_daemon *d = scene_begin(26, 2);
    struct sim_domain *domain = d->host->domains.items[1];

    d->host->can |= HV_CONFIGURED;
    daemon_start(d);
    scene_live(DAY_MS);
    scene_ask_for(d, "d1");
    scene_live(20 * MINUTE_MS);
    sim_domain_goes(domain);
    daemon_gone(d);
    daemon_start(d);
    scene_live(6 * DAY_MS);
    if (count_current(d, "d1") == 0)
        sim_broken("the checkpoint of a domain that left goes within its grace");
    sim_domain_comes(domain);
    scene_live(20 * MINUTE_MS);
    scene_ask_for(d, "d1");
    scene_live(20 * MINUTE_MS);
    if (last_level(d, "d1") != LEVEL_INCREMENTAL)
        sim_broken("a domain that is back within the grace does not go on");
    sim_domain_goes(domain);
    scene_live(8 * DAY_MS);
    if (count_current(d, "d1") > 0)
        sim_broken("the checkpoint of a domain that left stays for ever");
    sim_domain_comes(domain);
    scene_live(20 * MINUTE_MS);
    scene_ask_for(d, "d1");
    scene_live(20 * MINUTE_MS);
    if (last_level(d, "d1") != LEVEL_FULL)
        sim_broken("an increment by a checkpoint that was let go of");
    check_always();
    check_settled();
    scene_end("a domain that leaves the configuration");
}

void play_host_scenes(void)
{
    host_tells_late();
    host_is_away();
    asked_too_early();
    domains_come_and_go();
    gone_while_looked_at();
    domain_leaves_configuration();
    host_is_slow();
    host_can_less();
}

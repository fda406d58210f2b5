/* SPDX-License-Identifier: MIT
 *
 * Scenes of what people ask for by hand.
 */
#include "tests/simulation/scenes.h"

#include <string.h>

#include "base/text.h"
#include "jobs/api.h"
#include "tests/simulation/by_hand.h"

static void nothing_is_open(const struct sim_daemon *d)
{
    const struct job_filter all = {0};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (catalog_jobs(d->catalog, &all, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        if (str_eq(jobs.items[i].kind, JOB_BACKUP_BEGIN))
            sim_broken("job %lld was refused, and has a row", (long long)jobs.items[i].id);
    job_list_done(&jobs);
    if (scheduler_count(d->scheduler).running > 0)
        sim_broken("a job that was refused is still at work");
}

/* Its row comes first, and goes when it is refused: late, when the catalog cannot be written, or
 * at the next start, when the daemon was killed. */
static void begun_in_vain(void)
{
    struct sim_daemon *d = scene_begin(12, 1);
    struct sim_domain *domain = d->host->domains.items[0];
    struct err err = ERR_INIT;
    int64_t job;

    daemon_start(d);
    scene_live(MINUTE_MS);
    hand_begins(d, domain);
    scene_let_write(d, false);
    if (api_abort(scheduler_jobs(d->scheduler), domain->name, &job, &err) < 0 || job != 0)
        sim_broken("a backup that is being begun cannot be aborted: %s", err.msg);
    scene_live(MINUTE_MS / 2);
    scene_let_write(d, true);
    scene_live(MINUTE_MS / 2);
    nothing_is_open(d);

    hand_begins(d, domain);
    daemon_gone(d);
    daemon_start(d);
    nothing_is_open(d);
    scene_live(10 * MINUTE_MS);
    nothing_is_open(d);
    scene_end("backups that were begun in vain");
}

/* Its end is asked for, and fails: then it is aborted. */
static void pulled_without_end(void)
{
    struct sim_daemon *d = scene_begin(28, 1);
    struct sim_domain *domain = d->host->domains.items[0];
    struct err err = ERR_INIT;
    int64_t job = 0;

    daemon_start(d);
    scene_live(MINUTE_MS);
    hand_pulls(d, domain);
    scene_live(MINUTE_MS / 2);
    sim.w.faults.op_fails = 10000;
    act_as(d);
    if (api_abort(scheduler_jobs(d->scheduler), domain->name, &job, &err) < 0 || job == 0)
        sim_broken("a pull by hand cannot be asked to end: %s", err.msg);
    scene_live(MINUTE_MS / 2);
    sim.w.faults.op_fails = 0;
    scene_live(30 * MINUTE_MS);
    if (scheduler_count(d->scheduler).running > 0)
        sim_broken("a pull that could not be ended is still at work");
    scene_end("a pull by hand that cannot be ended");
}

/* Its end is asked for at a host that takes its time, and the daemon is killed meanwhile: the next
 * one ends it. */
static void pulled_and_killed(int after_s)
{
    struct sim_daemon *d = scene_begin(29, 1);
    const char *name = d->host->domains.items[0]->name;
    struct err err = ERR_INIT;
    int64_t job = 0;

    sim_host_as_libvirt(d->host);
    daemon_start(d);
    scene_live(10 * MINUTE_MS);
    hand_pulls(d, d->host->domains.items[0]);
    scene_live(MINUTE_MS / 2);
    sim.w.faults.op_slow = 10000;
    act_as(d);
    if (api_abort(scheduler_jobs(d->scheduler), name, &job, &err) < 0 || job == 0)
        sim_broken("a pull by hand cannot be asked to end: %s", err.msg);
    scene_live(after_s * 1000);
    sim.w.faults.op_slow = 0;
    daemon_gone(d);
    daemon_start(d);
    scene_live(MINUTE_MS);
    /* Killed before it was written down: who asked has got no answer, and asks again. */
    act_as(d);
    api_abort(scheduler_jobs(d->scheduler), name, &job, &err);
    scene_live(10 * MINUTE_MS);
    if (scheduler_count(d->scheduler).running > 0)
        sim_broken("a pull that was to end is still at work");
    scene_end("a pull by hand whose end a killed daemon leaves to the next one");
}

/* ---- a look at everything ---- */

static struct {
    bool answered, catalog_bad;
    enum err_code code;
    size_t domains, off, repositories, bad;
} seen;

static void on_seen(void *ctx, const struct err *err, const struct api_answer *answer)
{
    const struct doctor_answer *a = err ? NULL : answer->u.doctor;

    (void)ctx;
    seen.answered = true;
    seen.code = err ? err->code : ERR_NONE;
    for (size_t i = 0; a && i < a->domains.n; i++) {
        const struct domain_facts *f = a->domains.items[i].facts;

        seen.domains++;
        seen.off += !f || f->state != DOMAIN_RUNNING;
    }
    for (size_t i = 0; a && i < a->repositories.n; i++) {
        seen.repositories++;
        seen.bad += a->repositories.items[i].problem != NULL;
    }
    seen.catalog_bad = a && a->catalog_problem;
}

static void look_about(struct sim_daemon *d, const char *domain)
{
    memset(&seen, 0, sizeof(seen));
    act_as(d);
    scheduler_doctor(d->scheduler, domain, (struct api_reply){on_seen, NULL});
    scene_live(5 * MINUTE_MS);
    if (!seen.answered)
        sim_broken("a look at everything is not answered");
}

static void expect_seen(size_t domains, size_t off, size_t repositories, size_t bad)
{
    if (seen.code != ERR_NONE || seen.domains != domains || seen.off != off ||
        seen.repositories != repositories || seen.bad != bad)
        sim_broken("of %zu domains %zu are said not to run, of %zu repositories %zu bad",
                   seen.domains, seen.off, seen.repositories, seen.bad);
}

/* It tells each domain and repository, and what is wrong with which. */
static void looked_about(void)
{
    struct sim_daemon *d = scene_begin(14, 3);

    daemon_start(d);
    scene_live(MINUTE_MS);
    look_about(d, NULL);
    expect_seen(3, 0, 1, 0);
    look_about(d, d->host->domains.items[1]->name);
    expect_seen(1, 0, 1, 0);
    look_about(d, "sim");
    expect_seen(3, 0, 1, 0);
    look_about(d, "nobody");
    if (seen.code != ERR_NOTFOUND)
        sim_broken("a domain that is not there was looked at");
    d->host->domains.items[0]->up = false;
    sim.w.repo.gone = true;
    scene_let_write(d, false);
    look_about(d, NULL);
    scene_let_write(d, true);
    expect_seen(3, 1, 1, 1);
    if (!seen.catalog_bad)
        sim_broken("nobody is told that the catalog cannot be written");
    scene_end("a look at everything");
}

void play_hand_scenes(void)
{
    begun_in_vain();
    pulled_without_end();
    for (int s = 5; s < 90; s += 10)
        pulled_and_killed(s);
    looked_about();
    play_pin_scene();
    play_held_scene();
}

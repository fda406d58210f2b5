/* SPDX-License-Identifier: MIT
 *
 * Scenes of what people ask for by hand.
 */
#include "tests/simulation/scenes.h"

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
void play_hand_scenes(void)
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

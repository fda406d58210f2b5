/* SPDX-License-Identifier: MIT
 *
 * What must hold in a run; see run.h. */
#include "tests/simulation/by_hand.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "policies/selection.h"
#include "storage/repository/repository.h"

/* ---- what must hold at any time ---- */

/* Numbers of two catalogs do not compare, and either may be stood on: its bitmap knows all
 * since. */
static bool is_later(const struct point *a, const struct point *b)
{
    return str_eq(a->catalog, b->catalog) && a->job > b->job;
}

/* It belongs to the good point that was made last, or to one made after that which somebody has
 * harmed: such a one is the base of nothing. */
static void check_current(const struct sim_daemon *d, const struct checkpoint *k)
{
    const struct point_filter of = {.host = "sim", .domain = k->domain, .policy = k->policy};
    struct point_list points = {0};
    const struct point *its = NULL;
    struct err err = ERR_INIT;

    if (catalog_points(d->catalog, &of, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < points.n; i++)
        if (str_eq(points.items[i].checkpoint, k->name))
            its = &points.items[i];
    /* What a rebuilt catalog is made of may remember more than is there. */
    if (!its && !d->rebuilt)
        sim_broken("%s: checkpoint %s is current, and of no point", k->domain, k->name);
    for (size_t i = 0; its && i < points.n; i++)
        if (points.items[i].state == POINT_GOOD && is_later(&points.items[i], its))
            sim_broken("%s: checkpoint %s is current, but is not that of the last good point",
                       k->domain, k->name);
    point_list_done(&points);
}

static void check_checkpoints(const struct sim_daemon *d, const char *domain)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;

    if (catalog_checkpoints(d->catalog, "sim", domain, &rows, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < rows.n; i++)
        if (rows.items[i].state == CHECKPOINT_CURRENT)
            check_current(d, &rows.items[i]);
    checkpoint_list_done(&rows);
}

static struct sim_queued *queued_last(const struct sim_daemon *d, const struct job *j)
{
    struct sim_queued *q;

    for (size_t i = 0; i < sim.queued.n; i++) {
        q = &sim.queued.items[i];
        if (q->daemon == d->number && strcmp(q->domain, j->domain) == 0 &&
            strcmp(q->policy, j->policy) == 0)
            return q;
    }
    q = VEC_ADD(&sim.queued);
    *q = (struct sim_queued){.daemon = d->number, .at_ms = -DAY_MS};
    snprintf(q->domain, sizeof(q->domain), "%s", j->domain);
    snprintf(q->policy, sizeof(q->policy), "%s", j->policy);
    return q;
}

/* Whatever is done to the clock: two scheduled backups are never nearer to one another than a
 * tenth of the schedule's shortest distance (22 h, and 5 h, when the clock changes), but for
 * retries, of which there are few. */
void check_distance(const struct sim_daemon *d, const struct job *j)
{
    int64_t least = strcmp(j->policy, "nightly") == 0 ? 7200 * 1000 : 1700 * 1000;
    struct sim_queued *q;

    if (!str_eq(j->kind, JOB_BACKUP) || j->state != JOB_QUEUED || j->due == 0 ||
        j->created != sim_wall(&sim.w)) /* told again */
        return;
    q = queued_last(d, j);
    if (q->job == j->id)
        return;
    if (q->due != j->due && sim.w.now_ms - q->at_ms < least)
        sim_broken("%s: job %lld of policy %s begins %lld s after the last scheduled one",
                   j->domain, (long long)j->id, j->policy,
                   (long long)(sim.w.now_ms - q->at_ms) / 1000);
    q->times = q->due == j->due ? q->times + 1 : 1;
    if (q->times > 20)
        sim_broken("%s: job %lld is the %dth of policy %s for one due time", j->domain,
                   (long long)j->id, q->times, j->policy);
    q->job = j->id;
    q->due = j->due;
    q->at_ms = sim.w.now_ms;
}

/* It looks about before it is recorded as running. */
static bool is_at_work(const struct sim_daemon *d, const struct job *j)
{
    const struct job *live = scheduler_job(d->scheduler, j->id);

    return live && live->step && strcmp(live->step, "queued") != 0;
}

/* What waits is wanted: a policy that stands now covers it. */
void check_queue(const struct sim_daemon *d)
{
    const struct job_filter active = {.active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (catalog_jobs(d->catalog, &active, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++) {
        const struct job *j = &jobs.items[i];
        const struct config_policy *p =
            config_policy_find(scheduler_config(d->scheduler), j->policy);

        if (str_eq(j->kind, JOB_BACKUP) && j->state == JOB_QUEUED && !is_at_work(d, j) &&
            (!p || !selection_matches_domain(&p->domains, "sim", j->domain)))
            sim_broken("job %lld waits, but policy %s covers %s no more", (long long)j->id,
                       j->policy, j->domain);
        if (str_eq(j->kind, JOB_BACKUP_BEGIN) && !scheduler_job(d->scheduler, j->id))
            sim_broken("job %lld by hand is open, and nobody is at work on it", (long long)j->id);
        for (size_t k = 0; k < i && str_eq(j->kind, JOB_BACKUP); k++)
            if (str_eq(jobs.items[k].kind, JOB_BACKUP) &&
                strcmp(jobs.items[k].domain, j->domain) == 0 &&
                strcmp(jobs.items[k].policy, j->policy) == 0)
                sim_broken("jobs %lld and %lld of policy %s are both open for %s",
                           (long long)jobs.items[k].id, (long long)j->id, j->policy, j->domain);
    }
    job_list_done(&jobs);
}

/* Who made the point whose id follows after those words? Caller frees. */
static char *maker_after(const char *text, const char *words)
{
    const char *at = text ? strstr(text, words) : NULL;
    CLEANUP_FREE char *id = NULL;
    char *maker = NULL;
    int64_t job;

    if (!at)
        return NULL;
    at += strlen(words);
    id = xasprintf("%.*s", (int)strcspn(at, " "), at);
    return point_id_maker(id, &maker, &job) ? maker : NULL;
}

/* A point of a former catalog is not newer than what this one has made, whatever its number. */
static void check_newer(const struct sim_daemon *d, const struct job *j)
{
    CLEANUP_FREE char *base = maker_after(j->why, "made a full: point ");
    CLEANUP_FREE char *newer = maker_after(j->why, "cannot be stood on: the newer ");

    if (newer && str_eq(base, d->catalog_id) && !str_eq(newer, base))
        sim_broken("job %lld: %s", (long long)j->id, j->why);
}

/* Every copy here moves on, whatever is done to the wall clock. */
static void check_jobs(const struct sim_daemon *d)
{
    const struct job_filter newest = {.limit = 200};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;

    if (catalog_jobs(d->catalog, &newest, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++) {
        check_newer(d, &jobs.items[i]);
        if (jobs.items[i].reason && strstr(jobs.items[i].reason, "moved nothing"))
            sim_broken("job %lld: %s", (long long)jobs.items[i].id, jobs.items[i].reason);
    }
    job_list_done(&jobs);
}

void check_always(void)
{
    for (size_t k = 0; k < sim.n_daemons; k++) {
        const struct sim_daemon *d = &sim.daemons[k];

        if (d->down)
            continue;
        check_queue(d);
        check_jobs(d);
        check_pins(d);
        sim_compare_all(&sim.w, d->number, d->catalog);
        for (size_t i = 0; i < d->host->domains.n; i++)
            check_checkpoints(d, d->host->domains.items[i]->name);
    }
}

/* ---- what must hold when all has been well for a while ---- */

static bool some_are_open(const struct sim_daemon *d)
{
    const struct job_filter active = {.active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    bool ret;

    if (catalog_jobs(d->catalog, &active, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        if (sim_wall(&sim.w) - jobs.items[i].created > 3600)
            sim_broken("job %lld of %s is still open", (long long)jobs.items[i].id,
                       jobs.items[i].domain);
    ret = jobs.n > 0;
    job_list_done(&jobs);
    return ret;
}

static void check_bitmaps(const struct sim_daemon *d, const char *domain,
                          const struct sim_disk *disk, const struct checkpoint_list *rows)
{
    CLEANUP_FREE char *ours = xasprintf("vmkeep-%s-", d->catalog_id);

    for (size_t m = 0; m < disk->bitmaps.n; m++) {
        CLEANUP_FREE char *of = bitmap_checkpoint(disk->bitmaps.items[m].name);
        bool known =
            !starts_with(disk->bitmaps.items[m].name, ours) || disk->bitmaps.items[m].forgotten;

        for (size_t n = 0; n < rows->n; n++)
            known = known || strcmp(rows->items[n].name, of) == 0;
        if (!known)
            sim_broken("%s/%s: bitmap %s is left behind", domain, disk->name,
                       disk->bitmaps.items[m].name);
    }
}

static void check_no_debris(const struct sim_daemon *d)
{
    const struct sim_medium *here = &sim.w.repo.here;
    struct err err = ERR_INIT;

    if (some_are_open(d))
        return;
    for (size_t i = 0; i < here->points.n; i++)
        if (!here->points.items[i]->published && !here->points.items[i]->orphan &&
            sim_daemon_of(&sim.w, here->points.items[i]->point.catalog) == d->number)
            sim_broken("%s is left in the making", here->points.items[i]->point.id);
    for (size_t i = 0; i < d->host->domains.n; i++) {
        const struct sim_domain *domain = d->host->domains.items[i];
        struct checkpoint_list rows = {0};

        if (catalog_checkpoints(d->catalog, "sim", domain->name, &rows, &err) < 0)
            sim_broken("catalog: %s", err.msg);
        for (size_t k = 0; k < rows.n; k++)
            if (rows.items[k].state != CHECKPOINT_CURRENT && rows.items[k].state != CHECKPOINT_KEPT)
                sim_broken("%s: checkpoint %s was never settled", domain->name, rows.items[k].name);
        for (size_t k = 0; k < domain->disks.n; k++)
            check_bitmaps(d, domain->name, &domain->disks.items[k], &rows);
        checkpoint_list_done(&rows);
    }
}

static void check_fresh(const struct sim_daemon *d)
{
    for (size_t i = 0; i < d->host->domains.n; i++) {
        struct sim_domain *domain = d->host->domains.items[i];
        struct point last = {0};
        bool found;

        /* The neighbour's, which was there first. */
        if (sim_owner_of(&sim.w.repo, domain->name) != d->number)
            continue;

        found = sim_last_good(d->catalog, domain->name, "nightly", &last);
        if (!found || sim_wall(&sim.w) - last.created > 26 * 3600 ||
            last.created > sim_wall(&sim.w) || !sim_is_whole(&sim.w.repo, last.id))
            sim_broken("%s has no point of the last 26 h", domain->name);
        point_done(&last);
        for (size_t k = 0; k < domain->disks.n; k++)
            if (!domain->disks.items[k].raw &&
                !sim_bitmap_find(&domain->disks.items[k], "somebody-elses"))
                sim_broken("%s/%s: a bitmap that is not ours is gone", domain->name,
                           domain->disks.items[k].name);
    }
}

/* What is lost is known as that. */
static void check_states(const struct sim_daemon *d)
{
    const struct point_filter all = {0};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    if (catalog_points(d->catalog, &all, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < points.n; i++)
        if (points.items[i].state == POINT_GOOD && !sim_is_whole(&sim.w.repo, points.items[i].id))
            sim_broken("%s is not whole, and good", points.items[i].id);
    point_list_done(&points);
}

void check_settled(void)
{
    for (size_t i = 0; i < sim.n_daemons; i++) {
        const struct sim_daemon *d = &sim.daemons[i];

        if (d->down)
            sim_broken("daemon %d did not come back", d->number);
        check_no_debris(d);
        check_fresh(d);
        check_states(d);
    }
    hand_check_settled();
}

/* SPDX-License-Identifier: MIT */
#include "scheduler/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/prune.h"
#include "jobs/pin.h"
#include "jobs/request.h"
#include "scheduler/admit.h"
#include "scheduler/clock_watch.h"
#include "scheduler/copies.h"
#include "scheduler/copying.h"
#include "scheduler/core.h"
#include "scheduler/coverage.h"
#include "scheduler/hosts.h"
#include "scheduler/live.h"
#include "scheduler/doctor.h"
#include "scheduler/places.h"
#include "scheduler/queue.h"
#include "scheduler/recover.h"
#include "scheduler/release.h"
#include "scheduler/resources.h"
#include "scheduler/serve.h"
#include "scheduler/settling.h"
#include "scheduler/targets.h"
#include "scheduler/unfinished.h"
#include "scheduler/verifying.h"
#include "scheduler/watch.h"

#define HOUSEKEEPING_S 3600.0
#define EXPIRE_S 0.1

static void on_due(void *ctx)
{
    clock_watch_look(ctx);
    coverage_due(ctx);
}

static void on_verify_due(void *ctx)
{
    clock_watch_look(ctx);
    verifying_due(ctx);
}

/* Some at a time: of ten thousand domains twenty thousand jobs end a day. */
static void on_expire(void *ctx)
{
    struct scheduler *s = ctx;
    int64_t before = env_now(&s->jobs) - s->config->keep_history;
    struct err err = ERR_INIT;
    int more =
        clock_watch_doubt(s) ? 0 : catalog_job_expire(s->env.catalog, before, &s->expired, &err);

    if (more < 0)
        catalog_trouble(&s->jobs, "let go of old jobs", &err);
    else if (more > 0)
        s->env.clock->ops->after(s->env.clock, &s->expire, EXPIRE_S);
}

static void on_housekeeping(void *ctx)
{
    struct scheduler *s = ctx;
    int64_t kept = s->config->keep_history;
    struct err err = ERR_INIT;

    clock_watch_look(s);
    if (catalog_keep_place(s->env.catalog, &err) < 0 ||
        (!clock_watch_doubt(s) &&
         catalog_cover_expire(s->env.catalog, env_now(&s->jobs) - kept, &err) < 0))
        catalog_trouble(&s->jobs, "let go of old jobs", &err);
    s->expired = (struct job_expiry){0};
    on_expire(s);
    release_due(s);
    coverage_refresh_all(s);
    verifying_due(s);
    copying_due(s);
    watch_again(s);
    copies_retry(s);
    s->env.clock->ops->after(s->env.clock, &s->housekeeping, HOUSEKEEPING_S);
}

/* The catalog may be older than what lies about: until that has been looked at, no job gets a
 * number. */
static void settle(void *ctx)
{
    struct scheduler *s = ctx;

    if (s->settled)
        return;
    s->env.clock->ops->stop(s->env.clock, &s->settle);
    s->settled = true;
    unfinished_prune(s);
    coverage_due(s);
    verifying_due(s);
    copying_due(s);
    sched_kick(s);
    copies_consider(s);
    if (s->env.settled)
        s->env.settled(s->env.ctx);
}

/* When this life began, as the clock is now. */
static int64_t by_the_clock(const struct scheduler *s)
{
    return env_now(&s->jobs) - (sched_uptime(s) - s->started);
}

static void clock_was_set(struct scheduler *s)
{
    s->began = by_the_clock(s);
    coverage_refresh_all(s);
    verifying_due(s);
}

int scheduler_new(const struct scheduler_env *env, struct config *config, struct scheduler **ret,
                  struct err *err)
{
    struct scheduler *s = xcalloc(1, sizeof(*s));

    s->env = *env;
    s->config = config;
    s->jobs = (struct job_env){
        .ops = &scheduler_serves,
        .clock = env->clock,
        .catalog = env->catalog,
        .zone = env->zone,
        .loop = env->loop,
        .config = config,
    };
    s->told = (struct scheduler_told){coverage_ended, clock_was_set, hosts_on_event, hosts_made};
    s->started = sched_uptime(s);
    s->began = env_now(&s->jobs);
    s->due = (struct alarm){.fire = on_due, .ctx = s};
    s->verify = (struct alarm){.fire = on_verify_due, .ctx = s};
    s->copying = (struct alarm){.fire = copying_due, .ctx = s};
    s->away = (struct alarm){.fire = watch_away, .ctx = s};
    s->settle = (struct alarm){.fire = settle, .ctx = s};
    s->copies.alarm = (struct alarm){.fire = copies_step, .ctx = s};
    s->kick = (struct alarm){.fire = admit_jobs, .ctx = s};
    s->housekeeping = (struct alarm){.fire = on_housekeeping, .ctx = s};
    s->expire = (struct alarm){.fire = on_expire, .ctx = s};
    clock_watch_start(s);
    resources_sync(s);
    coverage_sync(s);
    if (catalog_next_job(s->env.catalog, &s->first_job, err) < 0 ||
        catalog_behind(s->env.catalog, &s->behind, err) < 0 || recover(s, err) < 0) {
        scheduler_free(s);
        return -1;
    }
    coverage_arm(s);
    s->env.clock->ops->after(s->env.clock, &s->settle, env->settle_s);
    watch_all(s);
    settle_if_seen(s);
    on_housekeeping(s);
    *ret = s;
    return 0;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    s->jobs.dead = true;
    s->env.clock->ops->stop(s->env.clock, &s->due);
    s->env.clock->ops->stop(s->env.clock, &s->verify);
    s->env.clock->ops->stop(s->env.clock, &s->copying);
    s->env.clock->ops->stop(s->env.clock, &s->away);
    s->env.clock->ops->stop(s->env.clock, &s->kick);
    s->env.clock->ops->stop(s->env.clock, &s->housekeeping);
    s->env.clock->ops->stop(s->env.clock, &s->expire);
    clock_watch_stop(s);
    s->env.clock->ops->stop(s->env.clock, &s->settle);
    copies_free(s);
    trouble_stop(&s->jobs);
    live_free_all(s);
    for (size_t i = 0; i < s->jobs.runs.n; i++)
        s->env.clock->ops->stop(s->env.clock, &s->jobs.runs.items[i]->alarm);
    resources_free(s);
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        job_free(s->jobs.runs.items[i]);
    }
    free(s->jobs.runs.items);
    requests_free(&s->jobs);
    pins_free(&s->jobs);
    doctors_free(s);
    watch_free(s);
    places_free(s);
    coverage_free(s);
    config_free(s->config);
    free(s);
}

void scheduler_reload(struct scheduler *s, struct config *config)
{
    struct config *old = s->config;

    s->config = config;
    s->jobs.config = config;
    resources_sync(s);
    coverage_sync(s);
    config_free(old);
    verifying_due(s);
    copying_due(s);
    watch_all(s);
    hosts_say_late(s);
    sched_kick(s);
}

void scheduler_listen(struct scheduler *s, struct observer *o)
{
    observers_add(&s->listeners, o);
}

void scheduler_unlisten(struct scheduler *s, struct observer *o)
{
    observers_remove(&s->listeners, o);
}

/* ---- requests ---- */

struct run_request {
    const enum backup_level *level;
    struct job_ids *ids, *open;
    struct job_run *busy;
};

/* A full has all that an increment would have. */
static bool does_it_too(const struct job_run *r, const enum backup_level *level)
{
    return !level || r->row.level == *level || r->row.level == LEVEL_FULL;
}

static int request_backup(struct scheduler *s, size_t cover, void *arg, struct err *err)
{
    struct run_request *q = arg;
    struct cover *c = &s->covers.items[cover];
    const struct config_policy *p = config_policy_find(s->config, c->policy);
    enum backup_level usual =
        p->incremental.n > 0 || p->full.n == 0 ? LEVEL_INCREMENTAL : LEVEL_FULL;
    struct job row = {
        .kind = JOB_BACKUP,
        .host = c->host,
        .domain = c->domain,
        .policy = c->policy,
        .repository = p->repository,
        .level = q->level ? *q->level : usual,
        .why = (char *)(q->level && *q->level == LEVEL_FULL ? "asked for by hand: full"
                                                            : "asked for by hand"),
    };

    /* One whose end everybody has been told, and which only cleans up yet, is not in the way:
     * the new one waits for it in the queue. */
    if (c->job && c->job->row.state != JOB_ENDED) {
        if (q->open && does_it_too(c->job, q->level))
            *VEC_ADD(q->open) = c->job->row.id;
        else
            q->busy = c->job;
        return 0;
    }
    if (queue_add(s, &row, &c->job, err) < 0)
        return -1;
    *VEC_ADD(q->ids) = row.id;
    return 0;
}

int scheduler_run(struct scheduler *s, const char *target, const enum backup_level *level,
                  struct job_ids *ret, struct job_ids *ret_open, struct err *err)
{
    struct run_request q = {.level = level, .ids = ret, .open = ret_open};

    if (env_refuse_draining(&s->jobs, err) < 0 ||
        targets_each(s, target, request_backup, &q, err) < 0)
        return -1;
    if (ret->n == 0 && q.busy && (!ret_open || ret_open->n == 0))
        return err_set(err, ERR_BUSY, "job %lld of policy %s, %s %s, is already %s for %s%s",
                       (long long)q.busy->row.id, q.busy->row.policy,
                       q.busy->row.level == LEVEL_FULL ? "a" : "an", level_name(q.busy->row.level),
                       q.busy->admitted ? "running" : "queued", q.busy->row.domain,
                       !ret_open && does_it_too(q.busy, level) ? "; 'run --wait' waits for it"
                                                               : "");
    return 0;
}

int scheduler_found_damage(struct scheduler *s, const char *point_id, const char *problem,
                           struct err *err)
{
    if (catalog_point_set_damage(s->env.catalog, point_id, problem, err) < 0)
        return -1;
    if (problem)
        log_error("point %s is damaged: %s", point_id, problem);
    else
        log_notice("point %s was read, and is whole", point_id);
    /* What stands on it is marked after a look. */
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (!s->jobs.repos.items[i]->retired)
            watch_repo(s, s->jobs.repos.items[i]);
    return 0;
}

int scheduler_look_at_points(struct scheduler *s, const char *repository, struct err *err)
{
    struct repo *r = repo_find(&s->jobs, repository);

    if (!r)
        return err_set(err, ERR_NOTFOUND, "repository %s is not configured", repository);
    watch_repo(s, r);
    return 0;
}

void scheduler_yield(struct scheduler *s, const char *host, const char *domain, const char *policy)
{
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        struct job_run *r = s->jobs.runs.items[i];

        if (r->type->yields && str_eq(r->row.host, host) && str_eq(r->row.domain, domain) &&
            str_eq(r->row.policy, policy))
            r->type->yields(r);
    }
}

static int request_prune(struct scheduler *s, size_t cover, void *arg, struct err *err)
{
    const struct cover *c = &s->covers.items[cover];
    const struct point_filter filter = {
        .host = c->host, .domain = c->domain, .policy = c->policy, .copies = true};
    struct job_ids *ids = arg;
    struct point_list points = {0};
    struct strlist done = {0};
    int rc = catalog_points(s->env.catalog, &filter, &points, err);

    /* A policy that was moved has points in more than one repository. */
    for (size_t i = 0; i < points.n && rc == 0; i++) {
        const char *repository = points.items[i].repository;
        struct job_run *r;
        bool seen = false;

        for (size_t k = 0; k < done.n; k++)
            seen = seen || strcmp(done.items[k], repository) == 0;
        if (seen)
            continue;
        strlist_add(&done, repository);
        rc = prune_queue(&s->jobs, c->host, c->domain, c->policy, repository, "asked for by hand",
                         &r, err);
        if (rc == 0)
            *VEC_ADD(ids) = r->row.id;
    }
    strlist_done(&done);
    point_list_done(&points);
    return rc;
}

int scheduler_prune(struct scheduler *s, const char *target, struct job_ids *ret, struct err *err)
{
    if (env_refuse_draining(&s->jobs, err) < 0)
        return -1;
    return targets_each(s, target, request_prune, ret, err) < 0 ? -1 : 0;
}

struct copy_request {
    const char *repository;
    struct job_ids *ids;
};

static int request_copy(struct scheduler *s, size_t cover, void *arg, struct err *err)
{
    const struct copy_request *q = arg;

    return copying_request(s, cover, q->repository, q->ids, err);
}

int scheduler_copy(struct scheduler *s, const char *target, const char *repository,
                   struct job_ids *ret, struct err *err)
{
    struct copy_request q = {repository, ret};

    if (env_refuse_draining(&s->jobs, err) < 0)
        return -1;
    if (!config_repository_find(s->config, repository))
        return err_set(err, ERR_NOTFOUND, "no repository is called '%s'", repository);
    if (targets_each(s, target, request_copy, &q, err) < 0)
        return -1;
    if (ret->n == 0)
        return err_set(
            err, ERR_NOTFOUND, "no policy%s%s%s copies into %s; copy_to in a policy says so",
            target ? " that '" : "", target ? target : "", target ? "' means" : "", repository);
    return 0;
}

int scheduler_prune_checkpoints(struct scheduler *s, const char *domain, struct job_ids *ret,
                                struct err *err)
{
    return release_now(s, domain, ret, err);
}

int scheduler_cancel(struct scheduler *s, int64_t job, struct err *err)
{
    struct job_run *r = job_find(&s->jobs, job);

    if (!r)
        return err_set(err, ERR_NOTFOUND, "no job %lld is queued or running", (long long)job);
    job_cancel(r);
    return 0;
}

void scheduler_cancel_all(struct scheduler *s)
{
    for (size_t i = s->jobs.runs.n; i-- > 0;)
        if (i < s->jobs.runs.n && s->jobs.runs.items[i]->admitted)
            job_cancel(s->jobs.runs.items[i]);
}

void scheduler_drain(struct scheduler *s, void (*idle)(void *ctx), void *ctx)
{
    s->jobs.draining = true;
    s->idle = idle;
    s->idle_ctx = ctx;
    coverage_arm(s);
    copies_consider(s);
    sched_kick(s);
}

const struct job *scheduler_job(const struct scheduler *s, int64_t id)
{
    const struct job_run *r = job_find(&s->jobs, id);

    return r ? &r->row : NULL;
}

/* Of two clocks of whole seconds the difference is not always the same: but whoever asks twice is
 * to hear of one start. */
static int64_t started_at(const struct scheduler *s)
{
    int64_t at = by_the_clock(s);

    return at >= s->began - 1 && at <= s->began + 1 ? s->began : at;
}

struct scheduler_counts scheduler_count(const struct scheduler *s)
{
    struct scheduler_counts ret = {
        .started = started_at(s),
    };

    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        if (s->jobs.runs.items[i]->admitted)
            ret.running++;
        else
            ret.queued++;
    }
    ret.domains = coverage_domains(s);
    return ret;
}

void scheduler_look_at_clock(struct scheduler *s)
{
    clock_watch_look(s);
}

const struct config *scheduler_config(const struct scheduler *s)
{
    return s->config;
}

struct job_env *scheduler_jobs(struct scheduler *s)
{
    return &s->jobs;
}

void scheduler_doctor(struct scheduler *s, const char *target, struct api_reply reply)
{
    doctor_start(s, target, reply);
}

/* SPDX-License-Identifier: MIT */
#include "jobs/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

static void copy_row(struct job *dst, const struct job *src)
{
    *dst = *src;
    dst->kind = xstrdup(src->kind);
    dst->host = xstrdup(src->host);
    dst->domain = xstrdup(src->domain);
    dst->policy = xstrdup(src->policy);
    dst->repository = xstrdup(src->repository);
    dst->step = xstrdup(src->step);
    dst->reason = xstrdup(src->reason);
    dst->why = xstrdup(src->why);
    dst->document = xstrdup(src->document);
    dst->points = NULL;
    point_copy(&dst->plan, &src->plan);
}

struct job_run *job_new(struct job_env *e, const struct job_type *type, const struct job *row)
{
    struct job_run *r = xcalloc(1, type->size);

    r->env = e;
    copy_row(&r->row, row);
    r->row.guest = type->backup;
    snprintf(r->tag, sizeof(r->tag), "%s-%lld", catalog_id(e->catalog), (long long)row->id);
    r->type = type;
    r->alarm.fire = job_on_alarm;
    r->alarm.ctx = r;
    if (r->type->init)
        r->type->init(r);
    return r;
}

void job_free(struct job_run *r)
{
    r->env->clock->ops->stop(r->env->clock, &r->alarm);
    if (r->type->done)
        r->type->done(r);
    job_done(&r->row);
    free(r->repos.items);
    free(r->obstacle.problem);
    free(r);
}

int64_t job_elapsed_ms(const struct job_run *r)
{
    int64_t ms = r->began_ms ? env_elapsed_ms(r->env) - r->began_ms
                             : (env_now(r->env) - r->row.started) * 1000;

    return ms > 0 ? ms : 0;
}

void job_save_progress(struct job_run *r)
{
    struct err err = ERR_INIT;

    r->row.elapsed_ms = job_elapsed_ms(r);
    if (catalog_job_progress(r->env->catalog, &r->row, &err) < 0)
        log_debug("job=%lld progress: %s", (long long)r->row.id, err.msg);
}

void job_looked(struct job_run *r)
{
    rate_look(&r->rate, r->row.bytes_done, env_elapsed_ms(r->env));
}

void job_meets(struct job_run *r, const struct obstacle *o)
{
    int64_t job = o->job ? o->job->id : 0;

    if (r->obstacle.code != o->code || r->obstacle.job != job) {
        job_meets_nothing(r);
        r->obstacle.code = o->code;
        r->obstacle.job = job;
        r->obstacle.since = env_elapsed(r->env);
    }
    r->obstacle.tries++;
    if (!str_eq(r->obstacle.problem, o->problem)) {
        free(r->obstacle.problem);
        r->obstacle.problem = xstrdup(o->problem);
    }
}

void job_meets_nothing(struct job_run *r)
{
    free(TAKE_PTR(r->obstacle.problem));
    r->obstacle.code = OBSTACLE_NONE;
    r->obstacle.job = 0;
    r->obstacle.tries = 0;
}

void job_obstacle(const struct job_run *r, struct obstacle *ret)
{
    *ret = (struct obstacle){
        .code = r->obstacle.code,
        .name = r->obstacle.code == OBSTACLE_ANSWER || r->obstacle.code == OBSTACLE_HOST
                    ? r->row.host
                    : r->row.repository,
        .tries = r->obstacle.tries,
        .problem = r->obstacle.problem,
    };
}

struct job_run *job_find(const struct job_env *e, int64_t id)
{
    for (size_t i = 0; i < e->runs.n; i++)
        if (e->runs.items[i]->row.id == id)
            return e->runs.items[i];
    return NULL;
}

static bool is_the_same(const struct job_run *r, const struct job *row)
{
    return str_eq(r->row.kind, row->kind) && str_eq(r->row.domain, row->domain) &&
           str_eq(r->row.host, row->host) && str_eq(r->row.policy, row->policy) &&
           str_eq(r->row.repository, row->repository);
}

int job_queue_once(struct job_env *e, struct job *row, struct job_run **ret, struct err *err)
{
    for (size_t i = 0; i < e->runs.n; i++) {
        *ret = e->runs.items[i];
        if (!(*ret)->admitted && !(*ret)->ending && is_the_same(*ret, row))
            return 0;
    }
    return e->ops->add(e, row, ret, err);
}

bool job_rests(const struct job_run *r)
{
    return !r->admitted && !r->ending && r->alarm.armed;
}

bool job_is_being_begun(const struct job_run *r)
{
    return r->type->by_hand && r->row.state == JOB_QUEUED;
}

void job_claims(const struct job_run *r, struct job_claims *ret)
{
    *ret = (struct job_claims){
        .host = r->row.host,
        .domain = r->row.domain,
        .policy = r->row.policy,
        .limited = true,
    };
    claims_add_repository(ret, r->row.repository);
    r->type->claims(r, ret);
}

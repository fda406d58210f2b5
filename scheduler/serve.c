/* SPDX-License-Identifier: MIT
 *
 * What jobs are given: the scheduler behind struct job_env_ops.
 */
#include "scheduler/serve.h"

#include "scheduler/clock_watch.h"
#include "scheduler/core.h"
#include "scheduler/coverage.h"
#include "scheduler/lacks.h"
#include "scheduler/places.h"
#include "scheduler/queue.h"
#include "scheduler/resources.h"
#include "scheduler/watch.h"

static int add(struct job_env *e, struct job *row, struct job_run **ret, struct err *err)
{
    return queue_add(scheduler_of(e), row, ret, err);
}

static int begin(struct job_env *e, struct job *row, struct host *host, struct job_run **ret,
                 struct err *err)
{
    return queue_begin(scheduler_of(e), row, host, ret, err);
}

static void left(struct job_env *e)
{
    sched_kick(scheduler_of(e));
}

static void saw_domain(struct job_env *e, const char *host, const char *domain,
                       const struct domain_facts *facts)
{
    watch_saw_domain(scheduler_of(e), host, domain, facts);
}

static void saw_repo(struct repo *r, const struct store_space *space, const struct err *problem)
{
    watch_saw_repo(scheduler_of(r->env), r, space, problem);
}

static void look_again(struct repo *r)
{
    if (!r->retired)
        watch_repo(scheduler_of(r->env), r);
}

static bool lacks(struct job_env *e, const char *host, const char *domain)
{
    return lacks_points(scheduler_of(e), host, domain);
}

static bool may_serve(struct job_env *e, const char *host, const char *domain, const char *bitmap)
{
    return lacks_may_need(scheduler_of(e), host, domain, bitmap);
}

static void owned(struct job_env *e, const struct job_run *except, struct owned_list *ret)
{
    places_list(scheduler_of(e), except, ret);
}

static bool covers(struct job_env *e, const char *host, const char *domain, const char *policy)
{
    return coverage_wants(scheduler_of(e), host, domain, policy);
}

static const char *doubt(struct job_env *e)
{
    return clock_watch_doubt(scheduler_of(e));
}

const struct job_env_ops scheduler_serves = {
    .add = add,
    .begin = begin,
    .changed = queue_notify,
    .end = queue_end,
    .ended = queue_ended,
    .refused = queue_refuse,
    .rest = queue_rest,
    .left = left,
    .host_unused = host_unused,
    .repo_unused = repo_unused,
    .saw_domain = saw_domain,
    .saw_repo = saw_repo,
    .answers = watch_newcomer,
    .look_again = look_again,
    .lacks = lacks,
    .may_serve = may_serve,
    .owned = owned,
    .covers = covers,
    .doubt = doubt,
};

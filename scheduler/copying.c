/* SPDX-License-Identifier: MIT
 *
 * Nothing is remembered of when something was copied last: due is what is not there, as soon as the
 * schedule has had a time since the oldest of it was made.  So a restart, and a repository that was
 * away, need nothing of their own.
 */
#include "scheduler/copying.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/copy.h"
#include "scheduler/core.h"

#define TROUBLE_S 60

static bool is_at_work(const struct scheduler *s, const struct cover *c, const char *repository)
{
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        const struct job_run *r = s->jobs.runs.items[i];

        if (r->type == &copy_type && str_eq(r->row.domain, c->domain) &&
            str_eq(r->row.host, c->host) && str_eq(r->row.policy, c->policy) &&
            str_eq(r->row.repository, repository))
            return true;
    }
    return false;
}

/* Where it is not, the next look that finds it there comes back here. */
static bool answers(struct scheduler *s, const char *repository)
{
    const struct repo *r = repo_find(&s->jobs, repository);

    return r && r->compared && !r->watch->away;
}

static int look(struct scheduler *s, const struct cover *c, const struct config_copies *to,
                struct err *err)
{
    CLEANUP(copy_work_done) struct copy_work work = {0};
    int64_t now = env_now(&s->jobs), due;
    struct job_run *r;

    if (!answers(s, to->repository) || is_at_work(s, c, to->repository))
        return 0;
    if (copy_work_look(&s->jobs, c->host, c->domain, c->policy, to->repository, &work, err) < 0)
        return -1;
    due = copying_due_time(&work.steps, &to->schedule, s->env.zone);
    if (!due || due > now)
        return 0;
    return copy_queue(&s->jobs, c->host, c->domain, c->policy, to->repository,
                      to->schedule.n > 0 ? "scheduled" : "what is not there is made up for", &r,
                      err);
}

/* ret: the earlier of it and the policy's next time. */
static void next_time(const struct scheduler *s, const struct config_policy *p, int64_t *ret)
{
    for (size_t i = 0; i < p->copy_to.n; i++) {
        int64_t t = copying_next(&p->copy_to.items[i].schedule, s->env.zone, env_now(&s->jobs));

        if (t && (!*ret || t < *ret))
            *ret = t;
    }
}

void copying_due(void *scheduler)
{
    struct scheduler *s = scheduler;
    struct err err = ERR_INIT;
    int64_t next = 0;
    int rc = 0;

    s->env.clock->ops->stop(s->env.clock, &s->copying);
    if (!s->settled || s->jobs.draining)
        return;
    for (size_t i = 0; i < s->covers.n && rc == 0; i++) {
        const struct config_policy *p = config_policy_find(s->config, s->covers.items[i].policy);

        for (size_t k = 0; p && k < p->copy_to.n && rc == 0; k++)
            rc = look(s, &s->covers.items[i], &p->copy_to.items[k], &err);
    }
    for (size_t i = 0; i < s->config->policies.n; i++)
        next_time(s, &s->config->policies.items[i], &next);
    if (rc < 0) {
        catalog_trouble(&s->jobs, "queue copies that are due", &err);
        next = env_now(&s->jobs) + TROUBLE_S;
    }
    if (next)
        s->env.clock->ops->at(s->env.clock, &s->copying, next);
}

int copying_request(struct scheduler *s, size_t cover, const char *repository, struct job_ids *ret,
                    struct err *err)
{
    const struct cover *c = &s->covers.items[cover];
    struct job_run *r;

    if (!config_copies_find(config_policy_find(s->config, c->policy), repository))
        return 0;
    if (copy_queue(&s->jobs, c->host, c->domain, c->policy, repository, "asked for by hand", &r,
                   err) < 0)
        return -1;
    *VEC_ADD(ret) = r->row.id;
    return 0;
}

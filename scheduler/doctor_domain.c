/* SPDX-License-Identifier: MIT
 *
 * A domain that a doctor looks at: how it is, whether its QEMU can write into the repositories that
 * its pushes go to, whether its guest's agent answers.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/selection.h"
#include "scheduler/doctor_priv.h"
#include "scheduler/watch.h"
#include "storage/catalog/catalog_frozen.h"

void doctor_visit_free(struct doctor_visit *v)
{
    free(v->found.host);
    free(v->found.domain);
    free(v->found.problem);
    free(v->found.agent_problem);
    domain_facts_free(v->found.facts);
    for (size_t i = 0; i < v->found.targets.n; i++) {
        free(v->found.targets.items[i].repository);
        free(v->found.targets.items[i].problem);
        free(v->found.targets.items[i].untried);
    }
    free(v->found.targets.items);
    for (size_t i = 0; i < v->targets.n; i++) {
        free(v->targets.items[i].repository);
        free(v->targets.items[i].path);
    }
    free(v->targets.items);
    hv_trial_done(&v->trial);
    free(v);
}

static struct doctor_visit *visit_new(struct doctor *d, const char *host, const char *domain)
{
    struct doctor_visit *v = xcalloc(1, sizeof(*v));

    v->d = d;
    v->found.host = xstrdup(host);
    v->found.domain = domain ? xstrdup(domain) : NULL;
    *VEC_ADD(&d->visits) = v;
    return v;
}

void doctor_visit_host(struct doctor *d, const char *host, const char *problem)
{
    struct doctor_visit *v = visit_new(d, host, NULL);

    v->found.problem = problem ? xstrdup(problem) : NULL;
    v->over = true;
}

static bool has_target(const struct doctor_visit *v, const char *repository)
{
    for (size_t i = 0; i < v->targets.n; i++)
        if (str_eq(v->targets.items[i].repository, repository))
            return true;
    return false;
}

/* Where its QEMU itself writes. */
static void list_targets(struct doctor_visit *v)
{
    const struct config *c = v->d->s->config;

    for (size_t i = 0; i < c->policies.n; i++) {
        const struct config_policy *p = &c->policies.items[i];
        const struct config_repository *r = config_repository_find(c, p->repository);
        const struct repo *repo = repo_find(&v->d->s->jobs, p->repository);

        /* Where another disk has its place, nothing is made. */
        if (p->mode == MODE_PUSH && r && !(repo && repo->watch->away) && !has_target(v, r->name) &&
            selection_matches_domain(&p->domains, v->found.host, v->found.domain))
            *VEC_ADD(&v->targets) = (struct doctor_target){xstrdup(r->name), xstrdup(r->path)};
    }
}

static int try_next(struct request *t, struct err *err);

static void add_target(struct doctor_visit *v, const char *problem, bool late)
{
    *VEC_ADD(&v->found.targets) =
        (struct looked_target){.repository = xstrdup(v->targets.items[v->next].repository),
                               .problem = problem ? xstrdup(problem) : NULL,
                               .untried = xstrdup(v->trial.untried),
                               .made = v->trial.made,
                               .late = late};
}

/* One that has come to be shut off says nothing. */
static void take_trial(struct doctor_visit *v)
{
    if (!v->trial.running)
        return;
    if (v->next < v->targets.n)
        add_target(v, v->trial.problem, false);
    if (v->trial.agent_asked) {
        v->found.agent_asked = true;
        v->found.agent_problem = TAKE_PTR(v->trial.agent_problem);
    }
}

static int tried(struct request *t, struct err *err)
{
    struct doctor_visit *v = t->reply.ctx;

    if (v->d->answered)
        return 0;
    take_trial(v);
    hv_trial_done(&v->trial);
    v->next++;
    return v->next < v->targets.n ? try_next(t, err) : 0;
}

static int try_next(struct request *t, struct err *err)
{
    struct doctor_visit *v = t->reply.ctx;
    struct hypervisor *hv = t->host->hv;
    bool agent = v->next == 0 && v->found.facts->state == DOMAIN_RUNNING;
    CLEANUP_FREE char *file = NULL;

    if (v->next < v->targets.n)
        file = doctor_file(v->d, v->targets.items[v->next].path);
    t->next = tried;
    t->op = hv->ops->trial(hv, t->domain, file, agent, &v->trial, request_on_op, t, err);
    return t->op ? 0 : -1;
}

static int saw(struct request *t, struct err *err)
{
    struct doctor_visit *v = t->reply.ctx;
    enum domain_state state = t->facts->state;

    watch_saw_domain(scheduler_of(t->env), t->host->name, t->domain, t->facts);
    if (v->d->answered)
        return 0;
    if (catalog_frozen(t->env->catalog, t->host->name, t->domain, &v->found.frozen_since, err) < 0)
        return -1;
    v->found.facts = TAKE_PTR(t->facts);
    if (!t->host->hv->ops->trial || (state != DOMAIN_RUNNING && state != DOMAIN_PAUSED))
        return 0;
    return try_next(t, err);
}

static void on_visited(void *ctx, const struct err *err, const struct api_answer *none)
{
    struct doctor_visit *v = ctx;

    (void)none;
    if (err && !v->d->answered && !v->found.problem)
        v->found.problem = xstrdup(err->msg);
    v->over = true;
    v->d->one_less(v->d);
}

void doctor_visit_late(struct doctor_visit *v)
{
    v->found.late = !v->found.facts;
    if (v->found.late)
        v->found.problem = xasprintf("has not answered within %d s", DOCTOR_LIMIT_S);
    else if (v->next < v->targets.n)
        add_target(v, "has not come to an end in time", true);
}

void doctor_visit(struct doctor *d, const char *host, const char *domain)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);
    struct doctor_visit *v = visit_new(d, host, domain);
    const struct api_reply reply = {on_visited, v};
    struct request *t;

    list_targets(v);
    d->waiting++;
    t = request_new(&d->s->jobs, name, reply);
    if (t)
        request_look(t, saw);
}

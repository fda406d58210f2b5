/* SPDX-License-Identifier: MIT
 *
 * How jobs are just now: figures, rates, and what they wait for.
 *
 * While nobody asks nothing is done for it: the figures are those that jobs read for their own
 * sake, every few seconds.  Who asks has jobs read them at once, and waits for that for WAIT_MS at
 * most; a hypervisor that does not answer makes its job's figures old, which the answer tells, and
 * nobody wait.  With many jobs an answer brings PAGE of them, and where to go on.
 */
#include "scheduler/live.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "scheduler/admit.h"
#include "scheduler/core.h"
#include "scheduler/scheduler.h"

#define PAGE 100
#define FRESH_MS 500 /* figures that are no older need not be read again */
#define WAIT_MS 1000
#define STEP_S 0.02

struct live {
    struct scheduler *s;
    struct api_reply reply;
    char *host, *domain; /* NULL: all */
    int64_t after;
    size_t tries_after;
    struct alarm alarm;
    int64_t asked_ms;
    struct job_ids looking; /* jobs whose figures are being read */
};

static bool is_asked_for(const struct live *l, const char *host, const char *domain)
{
    return !l->domain || (str_eq(l->domain, domain) && str_eq(l->host, host));
}

/* ---- one job ---- */

static int64_t wall_of(struct scheduler *s, int64_t elapsed_s)
{
    return env_now(&s->jobs) - (env_elapsed(&s->jobs) - elapsed_s);
}

/* The copy goes on meanwhile, but the guest's users should hear of it. */
static void fill_thaw(struct scheduler *s, const struct job_run *r, struct live_job *ret)
{
    struct hypervisor *hv = r->host ? r->host->hv : NULL;
    struct hv_thaw thaw;

    if (!hv || !hv->ops->thaw)
        return;
    hv->ops->thaw(hv, r->row.domain, &thaw);
    if (thaw.tries == 0)
        return;
    ret->obstacle = (struct obstacle){
        .code = OBSTACLE_THAW, .name = r->row.host, .tries = thaw.tries, .problem = thaw.why};
    ret->obstacle_since = thaw.since_s < 0 ? 0 : env_now(&s->jobs) - thaw.since_s;
}

static void fill_obstacle(struct scheduler *s, const struct job_run *r, struct live_job *ret)
{
    if (r->admitted || r->ending)
        job_obstacle(r, &ret->obstacle);
    else
        admit_obstacle(s, r, &ret->obstacle);
    if (ret->obstacle.code == OBSTACLE_NONE && r->admitted)
        fill_thaw(s, r, ret);
    if (ret->obstacle.code == OBSTACLE_NONE || ret->obstacle.code == OBSTACLE_THAW)
        return;
    ret->n_holders = admit_holders(s, &ret->obstacle, ret->holders, LIVE_HOLDERS_MAX);
    if (ret->obstacle.code == r->obstacle.code)
        ret->obstacle_since = wall_of(s, r->obstacle.since);
}

static void fill(struct scheduler *s, const struct job_run *r, struct live_job *ret)
{
    *ret = (struct live_job){.row = &r->row, .canceled = r->canceled, .per_s = -1, .left_s = -1};
    if (r->ending)
        ret->doing = "writing its end into the catalog";
    else if (r->awaits_host)
        ret->doing = "waiting for its host";
    else if (r->admitted && r->type->doing)
        ret->doing = r->type->doing[r->state];
    fill_obstacle(s, r, ret);
    if (!r->rate.looked_ms)
        return;
    ret->looked = wall_of(s, r->rate.looked_ms / 1000);
    if (r->rate.known && job_step_of(r)->flags & JOB_COPIES) {
        ret->per_s = r->rate.per_s;
        ret->left_s = rate_left_s(&r->rate, r->row.bytes_done, r->row.bytes_total);
    }
}

bool scheduler_live_job(struct scheduler *s, int64_t id, struct live_job *ret)
{
    const struct job_run *r = job_find(&s->jobs, id);

    if (r)
        fill(s, r, ret);
    return r != NULL;
}

bool scheduler_look_at_job(struct scheduler *s, int64_t id)
{
    struct job_run *r = job_find(&s->jobs, id);

    return r && r->admitted && job_look_now(r);
}

/* ---- pages of them ---- */

static int by_number(const void *a, const void *b)
{
    const struct job_run *x = *(const struct job_run *const *)a;
    const struct job_run *y = *(const struct job_run *const *)b;

    return (x->row.id > y->row.id) - (x->row.id < y->row.id);
}

static void add_jobs(const struct live *l, struct live_answer *ret)
{
    struct scheduler *s = l->s;
    VEC(const struct job_run *) found = {0};

    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        const struct job_run *r = s->jobs.runs.items[i];

        if (r->row.id > l->after && is_asked_for(l, r->row.host, r->row.domain))
            *VEC_ADD(&found) = r;
    }
    if (found.n > 0)
        qsort(found.items, found.n, sizeof(found.items[0]), by_number);
    for (size_t i = 0; i < found.n && i < PAGE; i++) {
        fill(s, found.items[i], VEC_ADD(&ret->jobs));
        ret->after = found.items[i]->row.id;
    }
    ret->more = found.n > PAGE;
    free(found.items);
}

static void add_try(struct scheduler *s, const struct cover *c, struct live_answer *ret)
{
    const struct config_policy *p = config_policy_find(s->config, c->policy);
    struct live_try *t = VEC_ADD(&ret->tries);
    struct catalog_history h = {0};
    struct err err = ERR_INIT;

    *t = (struct live_try){
        .host = c->host,
        .domain = c->domain,
        .policy = c->policy,
        .repository = p ? p->repository : "",
        .level = c->next.level,
        .due = c->next.due,
        .at = c->next.at,
        .why = xstrdup(c->next.why),
    };
    if (catalog_last_backup(s->env.catalog, c->host, c->domain, c->policy, &t->last, &err) == 0 &&
        catalog_history(s->env.catalog, c->host, c->domain, c->policy, &h, &err) == 0)
        t->error = h.error;
}

/* Whether a cover is to be tried again its planning has said; nothing is planned here. */
static void add_tries(const struct live *l, struct live_answer *ret)
{
    struct scheduler *s = l->s;
    size_t i = l->tries_after;

    for (; i < s->covers.n && ret->jobs.n + ret->tries.n < PAGE && !ret->more; i++) {
        const struct cover *c = &s->covers.items[i];

        if (!c->job && c->has_next && c->next.retry && is_asked_for(l, c->host, c->domain))
            add_try(s, c, ret);
    }
    ret->tries_after = i;
    ret->more = ret->more || i < s->covers.n;
}

static void answer_done(struct live_answer *a)
{
    for (size_t i = 0; i < a->tries.n; i++) {
        free(a->tries.items[i].why);
        free(a->tries.items[i].last.reason);
    }
    free(a->tries.items);
    free(a->jobs.items);
}

static void live_free(struct live *l)
{
    l->s->env.clock->ops->stop(l->s->env.clock, &l->alarm);
    free(l->looking.items);
    free(l->host);
    free(l->domain);
    free(l);
}

static void answer(struct live *l)
{
    struct scheduler *s = l->s;
    struct live_answer found = {.after = l->after, .tries_after = l->tries_after};
    const struct api_answer a = {.kind = ANSWER_LIVE, .u.live = &found};

    for (size_t i = 0; i < s->lives.n; i++) {
        if (s->lives.items[i] == l) {
            s->lives.items[i] = s->lives.items[--s->lives.n];
            break;
        }
    }
    add_jobs(l, &found);
    add_tries(l, &found);
    l->reply.done(l->reply.ctx, NULL, &a);
    answer_done(&found);
    live_free(l);
}

static bool all_looked(const struct live *l)
{
    for (size_t i = 0; i < l->looking.n; i++) {
        const struct job_run *r = job_find(&l->s->jobs, l->looking.items[i]);

        if (r && r->op && r->rate.looked_ms < l->asked_ms)
            return false;
    }
    return true;
}

static void look(void *ctx)
{
    struct live *l = ctx;
    struct clock *clock = l->s->env.clock;

    if (all_looked(l) || clock->ops->elapsed_ms(clock) - l->asked_ms >= WAIT_MS)
        answer(l);
    else
        clock->ops->after(clock, &l->alarm, STEP_S);
}

void scheduler_live(struct scheduler *s, const struct live_ask *a, struct api_reply reply)
{
    struct live *l = xcalloc(1, sizeof(*l));

    *l = (struct live){
        .s = s,
        .reply = reply,
        .host = xstrdup(a->host),
        .domain = xstrdup(a->domain),
        .after = a->after,
        .tries_after = a->tries_after,
        .alarm = {.fire = look, .ctx = l},
        .asked_ms = env_elapsed_ms(&s->jobs),
    };
    *VEC_ADD(&s->lives) = l;
    for (size_t i = 0; i < s->jobs.runs.n && l->after == 0; i++) {
        struct job_run *r = s->jobs.runs.items[i];

        if (r->admitted && is_asked_for(l, r->row.host, r->row.domain) &&
            l->asked_ms - r->rate.looked_ms >= FRESH_MS && job_look_now(r))
            *VEC_ADD(&l->looking) = r->row.id;
    }
    s->env.clock->ops->after(s->env.clock, &l->alarm, l->looking.n > 0 ? STEP_S : 0);
}

void live_free_all(struct scheduler *s)
{
    for (size_t i = 0; i < s->lives.n; i++)
        live_free(s->lives.items[i]);
    free(s->lives.items);
}

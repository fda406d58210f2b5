/* SPDX-License-Identifier: MIT
 *
 * Which policy covers which domain, and when each is due next.  While a backup of a cover is queued
 * or runs, its next due time is not looked at; when that ends, the planner sees from the catalog
 * what fell due meanwhile, and makes up for it once.
 */
#include "scheduler/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "policies/dates.h"
#include "policies/selection.h"
#include "scheduler/core.h"
#include "scheduler/queue.h"
#include "scheduler/unfinished.h"

#define TROUBLE_PAUSE_S 60

struct cover *coverage_find(struct scheduler *s, const char *host, const char *domain,
                            const char *policy)
{
    for (size_t i = 0; i < s->covers.n; i++) {
        struct cover *c = &s->covers.items[i];

        if (strcmp(c->domain, domain) == 0 && strcmp(c->policy, policy) == 0 &&
            strcmp(c->host, host) == 0)
            return c;
    }
    return NULL;
}

/* When the last run was made is known if that was since the boot. */
static int64_t ago(struct scheduler *s, const struct catalog_history *h)
{
    int64_t uptime = sched_uptime(s);
    const char *boot = s->env.clock->ops->boot(s->env.clock);

    return *boot && strcmp(boot, h->last_boot) == 0 && uptime >= h->last_uptime
               ? uptime - h->last_uptime
               : -1;
}

static int plan(struct scheduler *s, struct cover *c, struct due_list *dues, struct err *err)
{
    const struct config_policy *policy = config_policy_find(s->config, c->policy);
    int64_t now = env_now(&s->jobs), uptime = sched_uptime(s),
            started = now - (uptime - s->started);
    struct plan_history history;
    struct catalog_history h;

    if (catalog_history(s->env.catalog, c->host, c->domain, c->policy, &h, err) < 0)
        return -1;
    history = (struct plan_history){
        .since = h.since,
        .last_due = h.last_due,
        .last_created = h.last_created,
        .ago = ago(s, &h),
        .uptime = uptime,
        .distance = c->distance,
        .has_attempt = h.has_attempt,
        .failed = h.failed,
        .last_end = h.last_end,
        .failures = h.failures,
        .last_level = h.last_level,
    };
    if (history.ago < 0 && catalog_due_before(s->env.catalog, c->host, c->domain, c->policy,
                                              now - uptime + DATE_SLACK, &history.before, err) < 0)
        return -1;
    if (catalog_dues_after(s->env.catalog, c->host, c->domain, c->policy,
                           plan_baseline(&history, started, now), dues, err) < 0)
        return -1;
    history.dues = dues->items;
    history.n_dues = dues->n;
    c->has_next = plan_next(policy, s->env.zone, &history, started, now, &c->next);
    return 0;
}

/* Its next due time, from the catalog. */
static void refresh(struct scheduler *s, struct cover *c)
{
    struct due_list dues = {0};
    struct err err = ERR_INIT;

    c->has_next = false;
    if (plan(s, c, &dues, &err) < 0) {
        catalog_trouble(&s->jobs, "read the history", &err);
        c->not_before = env_now(&s->jobs) + TROUBLE_PAUSE_S;
    }
    due_list_done(&dues);
}

/* An answer that the planner gave before the clock was put back may lie years ahead. */
void coverage_refresh_all(struct scheduler *s)
{
    for (size_t i = 0; i < s->covers.n; i++) {
        struct cover *c = &s->covers.items[i];

        if (c->job)
            continue;
        c->not_before = 0;
        refresh(s, c);
    }
    coverage_arm(s);
}

static void cover_add(struct scheduler *s, const char *host, const char *domain, const char *policy,
                      int64_t distance)
{
    struct cover *c = VEC_ADD(&s->covers);
    struct err err = ERR_INIT;

    c->host = xstrdup(host);
    c->domain = xstrdup(domain);
    c->policy = xstrdup(policy);
    c->distance = distance;
    c->made = -1;
    if (catalog_cover(s->env.catalog, host, domain, policy, env_now(&s->jobs), &err) < 0)
        catalog_trouble(&s->jobs, "record a domain", &err);
    refresh(s, c);
}

static void cover_done(struct cover *c)
{
    free(c->host);
    free(c->domain);
    free(c->policy);
}

/* Of a host that has not told its domains, those that it had when it did last. */
static void list_domains(struct scheduler *s, const struct host *h, struct strlist *ret)
{
    struct err err = ERR_INIT;

    if (host_domains(h, ret, NULL))
        return;
    MARK("what a host had stands until it tells what it has");
    if (catalog_covered(s->env.catalog, h->name, ret, &err) < 0)
        catalog_trouble(&s->jobs, "read what policies cover", &err);
}

/* Covers of one policy on one host; how many there are now. */
static size_t cover_policy(struct scheduler *s, const struct config_policy *p, struct host *h)
{
    int64_t distance = plan_shortest_distance(p, s->env.zone);
    struct strlist names = {0};
    size_t n = 0;

    list_domains(s, h, &names);
    for (size_t i = 0; i < names.n; i++) {
        if (!selection_matches_domain(&p->domains, h->name, names.items[i]))
            continue;
        cover_add(s, h->name, names.items[i], p->name, distance);
        n++;
    }
    strlist_done(&names);
    return n;
}

static void note_policy(struct scheduler *s, const char *policy, size_t n)
{
    struct err err = ERR_INIT;

    if (n == 0)
        log_warning("policy %s: matches no domain", policy);
    if (catalog_seen_put(s->env.catalog, "policy", policy, n ? "ok" : "empty",
                         n ? NULL : "matches no domain", NULL, env_now(&s->jobs), &err) < 0)
        catalog_trouble(&s->jobs, "record a policy", &err);
}

/* Covers of one policy.  That it has none is known when all hosts have told their domains. */
static void cover_hosts(struct scheduler *s, const struct config_policy *p)
{
    bool all = true;
    size_t n = 0;

    for (size_t i = 0; i < s->jobs.hosts.n; i++) {
        struct host *h = s->jobs.hosts.items[i];

        if (h->retired || !h->hv)
            continue;
        n += cover_policy(s, p, h);
        all = all && h->known;
    }
    if (n > 0 || all)
        note_policy(s, p->name, n);
}

static bool selects(struct scheduler *s, const char *host, const char *domain, const char *policy)
{
    const struct config_policy *p = config_policy_find(s->config, policy);

    return p && config_host_find(s->config, host) &&
           selection_matches_domain(&p->domains, host, domain);
}

/* It is not just away: the configuration has it no more. */
static bool has_left(struct scheduler *s, const char *host, const char *domain)
{
    const struct host *h = host_find(&s->jobs, host);

    return h && h->hv && h->known && (h->hv->can & HV_CONFIGURED) &&
           !strlist_has(&h->watch->names, domain);
}

bool coverage_wants(struct scheduler *s, const char *host, const char *domain, const char *policy)
{
    return selects(s, host, domain, policy) && !has_left(s, host, domain);
}

void coverage_skip(struct job_run *r)
{
    const struct host *h = host_find(r->env, r->row.host);
    CLEANUP_FREE char *gone =
        xasprintf("host %s has no domain %s any more", r->row.host, r->row.domain);
    bool wanted = h && selects(scheduler_of(r->env), r->row.host, r->row.domain, r->row.policy);

    if (wanted && h->hv && !h->known) {
        MARK("a job waits until its host tells whether it has the domain");
        return;
    }
    if (wanted)
        MARK("a job waits for a domain that is gone");
    queue_end(r, OUTCOME_SKIPPED, wanted ? gone : "the policy does not cover the domain any more");
}

/* Gives the jobs that wait or run their place in the new list, and lets go of what is covered no
 * more: waiting jobs end as skipped. */
static void rejoin(struct scheduler *s)
{
    for (size_t i = s->jobs.runs.n; i-- > 0;) {
        struct job_run *r = s->jobs.runs.items[i];
        struct cover *c;

        if (!r->type->makes_points)
            continue;
        c = coverage_find(s, r->row.host, r->row.domain, r->row.policy);
        /* One that is over and only cleans up does not hide the one that waits behind it. */
        if (c && !(c->job && r->row.state == JOB_ENDED))
            c->job = r;
        if (!c && !r->admitted && !r->ending)
            coverage_skip(r);
    }
}

/* When their last runs were made, they remember. */
static void remember(struct scheduler *s, const struct cover *old, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct cover *c = coverage_find(s, old[i].host, old[i].domain, old[i].policy);

        if (c)
            c->made = old[i].made;
    }
}

/* Policies that covered a domain before, in this life or in a former one, and would not now.  A
 * domain that is gone may come back. */
static void uncover_gone(struct scheduler *s)
{
    struct cover_list all = {0};
    struct err err = ERR_INIT;
    bool some = false;

    if (catalog_coverage(s->env.catalog, &all, &err) < 0)
        catalog_trouble(&s->jobs, "read what policies cover", &err);
    for (size_t i = 0; i < all.n; i++) {
        const struct cover_row *c = &all.items[i];

        if (c->away != 0 || coverage_wants(s, c->host, c->domain, c->policy))
            continue;
        log_notice("domain=%s/%s policy %s does not cover it any more", c->host, c->domain,
                   c->policy);
        if (catalog_uncover(s->env.catalog, c->host, c->domain, c->policy, env_now(&s->jobs),
                            &err) < 0)
            catalog_trouble(&s->jobs, "record a domain", &err);
        some = true;
    }
    cover_list_done(&all);
    if (some && s->settled)
        unfinished_prune(s); /* no next backup does that any more */
}

void coverage_sync(struct scheduler *s)
{
    struct cover *old = s->covers.items;
    size_t n_old = s->covers.n;

    s->covers.items = NULL;
    s->covers.n = s->covers.cap = 0;
    for (size_t i = 0; i < s->config->policies.n; i++)
        cover_hosts(s, &s->config->policies.items[i]);
    rejoin(s);
    remember(s, old, n_old);
    uncover_gone(s);
    for (size_t i = 0; i < n_old; i++)
        cover_done(&old[i]);
    free(old);
    coverage_arm(s);
}

/* The planner keeps runs apart, by what it reads; here that is made sure of, whatever it read:
 * no two runs of a cover within a tenth of its schedule's shortest distance. */
static bool is_too_soon(struct scheduler *s, struct cover *c)
{
    int64_t left = c->made < 0 || c->next.retry ? 0 : c->made + c->distance / 10 - sched_uptime(s);

    if (left <= 0)
        return false;
    log_error(
        "domain=%s/%s policy=%s: a run was planned that comes too soon after the last one (%s); "
        "refused, looked at again in %lld s",
        c->host, c->domain, c->policy, c->next.why, (long long)left);
    c->has_next = false;
    c->not_before = env_now(&s->jobs) + left;
    return true;
}

static void queue_backup(struct scheduler *s, struct cover *c)
{
    const struct config_policy *p = config_policy_find(s->config, c->policy);
    struct job row = {
        .kind = JOB_BACKUP,
        .host = c->host,
        .domain = c->domain,
        .policy = c->policy,
        .repository = p->repository,
        .level = c->next.level,
        .why = c->next.why,
        .due = c->next.due,
    };
    struct err err = ERR_INIT;

    if (is_too_soon(s, c))
        return;
    c->has_next = false;
    if (queue_add(s, &row, &c->job, &err) == 0) {
        c->made = row.uptime;
        return;
    }
    catalog_trouble(&s->jobs, "record a job that is due", &err);
    c->not_before = env_now(&s->jobs) + TROUBLE_PAUSE_S;
}

void coverage_due(struct scheduler *s)
{
    int64_t now = env_now(&s->jobs);

    for (size_t i = 0; i < s->covers.n && s->settled && !s->jobs.draining; i++) {
        struct cover *c = &s->covers.items[i];

        if (c->job || c->not_before > now)
            continue;
        /* What was planned earlier may have been overtaken: a full may be due by now as well. */
        if (c->not_before || (c->has_next && c->next.at <= now)) {
            c->not_before = 0;
            refresh(s, c);
        }
        if (c->has_next && c->next.at <= now)
            queue_backup(s, c);
    }
    coverage_arm(s);
}

void coverage_arm(struct scheduler *s)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < s->covers.n; i++) {
        const struct cover *c = &s->covers.items[i];
        int64_t at = c->not_before ? c->not_before : c->has_next ? c->next.at : INT64_MAX;

        if (!c->job && at < first)
            first = at;
    }
    if (first == INT64_MAX || s->jobs.draining || !s->settled)
        s->env.clock->ops->stop(s->env.clock, &s->due);
    else
        s->env.clock->ops->at(s->env.clock, &s->due, first);
}

void coverage_ended(struct job_run *r)
{
    struct scheduler *s = scheduler_of(r->env);
    struct cover *c = coverage_find(s, r->row.host, r->row.domain, r->row.policy);

    if (!c || c->job != r)
        return;
    c->job = NULL;
    refresh(s, c);
    coverage_arm(s);
}

void coverage_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->covers.n; i++)
        cover_done(&s->covers.items[i]);
    free(s->covers.items);
}

/* A domain that several policies select is one.  Covers of a policy are together, not those of a
 * domain: they are sorted first. */
static int by_domain(const void *a, const void *b)
{
    const struct cover *x = *(const struct cover *const *)a, *y = *(const struct cover *const *)b;
    int c = strcmp(x->domain, y->domain);

    return c ? c : strcmp(x->host, y->host);
}

size_t coverage_domains(const struct scheduler *s)
{
    CLEANUP_FREE const struct cover **sorted = xcalloc(s->covers.n + 1, sizeof(*sorted));
    size_t n = 0;

    for (size_t i = 0; i < s->covers.n; i++)
        sorted[i] = &s->covers.items[i];
    if (s->covers.n > 0)
        qsort(sorted, s->covers.n, sizeof(*sorted), by_domain);
    for (size_t i = 0; i < s->covers.n; i++)
        n += i == 0 || by_domain(&sorted[i - 1], &sorted[i]) != 0;
    return n;
}

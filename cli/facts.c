/* SPDX-License-Identifier: MIT */
#include "cli/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/uptime.h"
#include "cli/repository_look.h"
#include "policies/clock_doubt.h"
#include "policies/dates.h"
#include "policies/plan.h"
#include "policies/selection.h"
#include "storage/catalog_frozen.h"

/* Of the newest jobs of a domain under a policy one at least is a backup that has ended: a prune
 * follows a backup, and few wait at a time. */
#define JOBS_LOOKED_AT 6

#define DAY INT64_C(86400)

struct gathering {
    const struct facts *f;
    struct zone *zone;
    struct seen_list seen;
    int64_t *distances; /* plan_shortest_distance of each policy */
    int64_t started;    /* the daemon's start; now, when it does not run */
};

/* An earlier disk stands on the same point. */
static bool is_known_backing(const struct point *p, size_t disk)
{
    for (size_t i = 0; i < disk; i++)
        if (str_eq(p->disks.items[i].backing, p->disks.items[disk].backing))
            return true;
    return false;
}

/* left: how many points a chain can have; more means that a damaged catalog runs in a circle. */
static bool is_whole(const struct point_list *points, const struct point *p, size_t left)
{
    if (p->state != POINT_GOOD || left == 0)
        return false;
    for (size_t i = 0; i < p->disks.n; i++) {
        const char *backing = p->disks.items[i].backing;
        const struct point *base;

        if (!backing || is_known_backing(p, i))
            continue;
        base = point_list_find(points, backing);
        if (!base || !is_whole(points, base, left - 1))
            return false;
    }
    return true;
}

bool facts_is_whole(const struct point_list *points, const struct point *p)
{
    return is_whole(points, p, points->n);
}

uint64_t facts_point_bytes(const struct point *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->disks.n; i++)
        sum += p->disks.items[i].bytes;
    return sum;
}

const struct seen *facts_find_seen(const struct seen_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return &l->items[i];
    return NULL;
}

int facts_points(struct catalog *catalog, const struct point_filter *filter, int64_t now,
                 struct point_list *ret, struct err *err)
{
    if (catalog_points(catalog, filter, ret, err) < 0)
        return -1;
    points_judge_dates(ret, now);
    return 0;
}

const char *facts_point_state(const struct point *p, bool for_people)
{
    if (p->state != POINT_GOOD || !p->set_aside)
        return point_state_name(p->state);
    return for_people ? "set aside" : "set-aside";
}

/* The newest whole point of the policy (NULL: any), and the newest that is set aside; 0: none. */
static const struct point *find_newest(const struct point_list *points, const char *policy,
                                       int64_t *ret_newest, int64_t *ret_aside)
{
    const struct point *ret = NULL;

    *ret_newest = *ret_aside = 0;
    for (size_t i = points->n; i-- > 0;) {
        const struct point *p = &points->items[i];
        int64_t *newest = p->set_aside ? ret_aside : ret_newest;

        if (p->created <= *newest || (policy && strcmp(p->policy, policy) != 0) ||
            !facts_is_whole(points, p))
            continue;
        *newest = p->created;
        if (!p->set_aside)
            ret = p;
    }
    return ret;
}

/* "vdb, vdc": disks that the policy selects and the point lacks; NULL: none. Caller frees. */
static char *lacking(const struct point *p, const struct config_policy *policy)
{
    char *ret = NULL;

    for (size_t i = 0; p && i < p->missing.n; i++) {
        char *more;

        if (!selection_matches(&policy->disks, p->missing.items[i]))
            continue;
        more = xasprintf("%s%s%s", ret ? ret : "", ret ? ", " : "", p->missing.items[i]);
        free(ret);
        ret = more;
    }
    return ret;
}

/* What is to be said of the domain's points that are set aside; NULL: nothing. Caller frees. */
static char *describe_aside(const struct point_list *points, int64_t now)
{
    CLEANUP_FREE struct date_verdict *dates = xcalloc(points->n, sizeof(*dates));
    const struct point *last = NULL;
    char when[TIMEFMT_MAX];
    size_t n = 0;

    points_date(points, now, dates);
    for (size_t i = 0; i < points->n; i++) {
        if (!points->items[i].set_aside || points->items[i].state != POINT_GOOD)
            continue;
        if (!last || points->items[i].created > last->created)
            last = &points->items[i];
        n++;
    }
    if (!last)
        return NULL;
    time_local(last->created, when);
    if (n == 1)
        return xasprintf("the point of %s is set aside: %s", when,
                         date_fault_text(dates[last - points->items].fault));
    return xasprintf("%zu points are set aside; of the newest, of %s: %s", n, when,
                     date_fault_text(dates[last - points->items].fault));
}

static int find_last_job(const struct facts *f, const struct domain_name *d, const char *policy,
                         struct status_job *ret, struct err *err)
{
    const struct job_filter filter = {
        .host = d->host, .domain = d->domain, .policy = policy, .limit = JOBS_LOOKED_AT};
    struct job_list jobs = {0};

    if (catalog_jobs(f->catalog, &filter, &jobs, err) < 0)
        return -1;
    for (size_t i = jobs.n; i-- > 0;) {
        const struct job *j = &jobs.items[i];

        if (j->kind != JOB_BACKUP || j->state != JOB_ENDED)
            continue;
        *ret = (struct status_job){j->id, j->outcome, xstrdup(j->reason), j->ended};
        break;
    }
    job_list_done(&jobs);
    return 0;
}

static int find_next_run(const struct gathering *g, const struct domain_name *d,
                         const struct config_policy *policy, struct status_policy *ret,
                         struct err *err)
{
    int64_t now = g->f->now, uptime = uptime_seconds();
    CLEANUP(due_list_done) struct due_list dues = {0};
    struct catalog_history h = {0};
    struct plan_history history;
    struct plan_due due;

    if (catalog_history(g->f->catalog, d->host, d->domain, policy->name, &h, err) < 0)
        return -1;
    history = (struct plan_history){
        .since = h.since ? h.since : g->f->now, /* not covered yet: from now on */
        .last_due = h.last_due,
        .last_created = h.last_created,
        .ago = *h.last_boot && strcmp(h.last_boot, uptime_boot()) == 0 && uptime >= h.last_uptime
                   ? uptime - h.last_uptime
                   : -1,
        .uptime = uptime,
        .distance = g->distances[policy - g->f->config->policies.items],
        .has_attempt = h.has_attempt,
        .failed = h.failed,
        .last_end = h.last_end,
        .failures = h.failures,
        .last_level = h.last_level,
    };
    if (history.ago < 0 && catalog_due_before(g->f->catalog, d->host, d->domain, policy->name,
                                              now - uptime + DATE_SLACK, &history.before, err) < 0)
        return -1;
    if (catalog_dues_after(g->f->catalog, d->host, d->domain, policy->name,
                           plan_baseline(&history, g->started, now), &dues, err) < 0)
        return -1;
    history.dues = dues.items;
    history.n_dues = dues.n;
    if (!plan_next(policy, g->zone, &history, g->started, g->f->now, &due))
        return 0;
    ret->next_run = due.at;
    ret->next_why = xstrdup(due.why);
    return 0;
}

static int add_policy(const struct gathering *g, const struct domain_name *d,
                      const struct config_policy *policy, const struct point_list *points,
                      struct status_domain *ret, struct err *err)
{
    struct status_policy *p = VEC_ADD(&ret->policies);

    p->name = xstrdup(policy->name);
    p->rpo = policy->rpo;
    p->lacks = lacking(find_newest(points, policy->name, &p->last_good, &p->aside), policy);
    if (find_last_job(g->f, d, policy->name, &p->last_job, err) < 0)
        return -1;
    return find_next_run(g, d, policy, p, err);
}

static int add_domain(const struct gathering *g, const struct domain_name *d,
                      struct status_domain *ret, struct strlist *warnings, struct err *err)
{
    const struct config *config = g->f->config;
    const struct point_filter filter = {.host = d->host, .domain = d->domain};
    CLEANUP_FREE char *name = xasprintf("%s/%s", d->host, d->domain);
    const struct seen *seen = facts_find_seen(&g->seen, name);
    struct point_list points = {0};
    int64_t aside;
    int rc = 0;

    ret->host = xstrdup(d->host);
    ret->domain = xstrdup(d->domain);
    ret->state = seen ? xstrdup(seen->state) : NULL;
    ret->problem = seen ? xstrdup(seen->problem) : NULL;
    ret->unsafe = seen ? xstrdup(seen->unsafe) : NULL;
    if (facts_points(g->f->catalog, &filter, g->f->now, &points, err) < 0)
        return -1;
    find_newest(&points, NULL, &ret->last_point, &aside);
    ret->aside = describe_aside(&points, g->f->now);
    ret->bad_points = facts_bad_points(&points);
    rc = catalog_frozen(g->f->catalog, d->host, d->domain, &ret->frozen_since, err);
    for (size_t i = 0; i < config->policies.n && rc == 0; i++) {
        const struct config_policy *p = &config->policies.items[i];

        if (config_host_find(config, d->host) &&
            selection_matches_domain(&p->domains, d->host, d->domain))
            rc = add_policy(g, d, p, &points, ret, err);
    }
    point_list_done(&points);
    return rc < 0 ? rc : facts_disks(g->f, d, ret, warnings, err);
}

static void warn_of_idle_policies(const struct config *config, const struct domain_names *known,
                                  struct status *ret)
{
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];
        CLEANUP_FREE char *text = NULL;
        bool matches = false;

        for (size_t k = 0; k < known->n && !matches; k++)
            matches =
                selection_matches_domain(&p->domains, known->items[k].host, known->items[k].domain);
        if (matches)
            continue;
        text = xasprintf("policy %s: matches no domain", p->name);
        strlist_add(&ret->warnings, text);
    }
}

/* The catalog is older than what lies there, or the reverse. */
static void add_difference(const struct seen_list *differences, struct status_repository *r,
                           struct status *ret)
{
    const struct seen *seen = facts_find_seen(differences, r->name);
    CLEANUP_FREE char *text = NULL;

    if (!seen || !seen->problem)
        return;
    r->difference = xstrdup(seen->problem);
    text = xasprintf("repository %s: %s; see 'vmkeep doctor'", r->name, seen->problem);
    strlist_add(&ret->warnings, text);
}

static int add_repositories(const struct facts *f, struct status *ret, struct err *err)
{
    struct seen_list list = {0}, differences = {0};

    if (catalog_seen(f->catalog, "repository", &list, err) < 0)
        return -1;
    if (catalog_seen(f->catalog, "difference", &differences, err) < 0) {
        seen_list_done(&list);
        return -1;
    }
    for (size_t i = 0; i < f->config->repositories.n; i++) {
        const struct config_repository *c = &f->config->repositories.items[i];
        const struct seen *seen = facts_find_seen(&list, c->name);
        struct status_repository *r = VEC_ADD(&ret->repositories);

        r->name = xstrdup(c->name);
        r->path = xstrdup(c->path);
        r->state = seen ? xstrdup(seen->state) : NULL;
        r->problem = seen ? xstrdup(seen->problem) : NULL;
        add_difference(&differences, r, ret);
    }
    seen_list_done(&list);
    seen_list_done(&differences);
    return repository_look(f->config, f->catalog, ret, err);
}

int facts_clock_doubt(struct catalog *catalog, int64_t now, char **ret, struct err *err)
{
    struct seen_list rows = {0};
    const struct seen *hold;
    char shows[TIMEFMT_MAX];

    *ret = NULL;
    if (clock_is_unset(now)) {
        *ret = xasprintf("the clock is not set (it shows %s): backups run as time goes by, and "
                         "nothing is let go",
                         time_local(now, shows));
        return 0;
    }
    if (catalog_seen(catalog, "clock", &rows, err) < 0)
        return -1;
    hold = facts_find_seen(&rows, "hold");
    if (hold && strcmp(hold->state, "on") == 0 && clock_hold_lasts(hold->at, now))
        *ret = xstrdup(hold->problem);
    seen_list_done(&rows);
    return 0;
}

/* That it is in doubt, and for a day that it was set. */
static int warn_of_clock(const struct facts *f, struct status *ret, struct err *err)
{
    CLEANUP_FREE char *doubt = NULL;
    struct seen_list rows = {0};
    const struct seen *set;

    if (facts_clock_doubt(f->catalog, f->now, &doubt, err) < 0 ||
        catalog_seen(f->catalog, "clock", &rows, err) < 0)
        return -1;
    if (doubt)
        strlist_add(&ret->warnings, doubt);
    set = facts_find_seen(&rows, "set");
    if (set && set->problem && f->now >= set->at - DATE_SLACK && f->now < set->at + DAY)
        strlist_add(&ret->warnings, set->problem);
    seen_list_done(&rows);
    return 0;
}

static int gather(struct gathering *g, const struct domain_names *only, struct status *ret,
                  struct err *err)
{
    struct domain_names known = {0};
    int rc = domains_known(g->f->config, g->f->catalog, &known, err);
    const struct domain_names *chosen = only ? only : &known;

    for (size_t i = 0; i < chosen->n && rc == 0; i++)
        rc = add_domain(g, &chosen->items[i], VEC_ADD(&ret->domains), &ret->warnings, err);
    if (rc == 0 && !only) {
        warn_of_idle_policies(g->f->config, &known, ret);
        rc = facts_idle_globs(g->f, &known, &ret->warnings, err);
        rc = rc == 0 ? warn_of_clock(g->f, ret, err) : rc;
        rc = rc == 0 ? add_repositories(g->f, ret, err) : rc;
    }
    domain_names_done(&known);
    return rc;
}

int facts_status(const struct facts *f, const struct domain_names *only, struct status *ret,
                 struct err *err)
{
    struct gathering g = {.f = f, .started = ret->daemon.running ? ret->daemon.started : f->now};
    int rc = -1;

    ret->now = f->now;
    g.distances = xcalloc(f->config->policies.n, sizeof(*g.distances));
    if (zone_open(NULL, &g.zone, err) == 0 &&
        catalog_seen(f->catalog, "domain", &g.seen, err) == 0) {
        for (size_t i = 0; i < f->config->policies.n; i++)
            g.distances[i] = plan_shortest_distance(&f->config->policies.items[i], g.zone);
        rc = gather(&g, only, ret, err);
    }
    if (rc == 0)
        status_judge(ret);
    seen_list_done(&g.seen);
    free(g.distances);
    zone_free(g.zone);
    return rc;
}

/* SPDX-License-Identifier: MIT */
#include "report/gather/status_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/clock_doubt.h"
#include "policies/dates.h"
#include "policies/plan.h"
#include "policies/selection.h"
#include "report/gather/idle.h"
#include "report/gather/points.h"
#include "report/points.h"
#include "storage/catalog/catalog_failure.h"

#define DAY INT64_C(86400)
#define STRAYS_NAMED 5
#define CLOCK_ADVICE                                                                               \
    "see that the clock is right (`timedatectl`); wrong-clock.md of the documentation tells what " \
    "comes of it"

struct gathering {
    const struct status_sources *s;
    struct seen_list seen;   /* domains */
    struct seen_list failed; /* jobs beside backups */
    struct domain_names known;
    struct job_list active; /* jobs that wait or run, if the daemon does */
    bool running;
    struct idle *idle;
    int64_t *distances;  /* plan_shortest_distance of each policy */
    int64_t started;     /* the daemon's start; now, when it does not run */
    struct strlist used; /* repositories of the policies that select the domains */
};

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
            !point_is_whole(points, p))
            continue;
        *newest = p->created;
        if (!p->set_aside)
            ret = p;
    }
    return ret;
}

/* The newest point of the policy, where none of them is whole; 0: there is none. */
static int64_t find_newest_bad(const struct point_list *points, const char *policy)
{
    int64_t ret = 0;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (strcmp(p->policy, policy) != 0 || p->set_aside)
            continue;
        if (point_is_whole(points, p))
            return 0;
        if (p->created > ret)
            ret = p->created;
    }
    return ret;
}

/* "vdb, vdc": disks that the policy selects and the point lacks; NULL: none. Caller frees. */
static int find_lacking(struct catalog *catalog, const struct domain_name *d, const struct point *p,
                        const struct config_policy *policy, char **ret, struct err *err)
{
    CLEANUP(strlist_done) struct strlist missing = {0};
    char *text = NULL;

    *ret = NULL;
    if (!p)
        return 0;
    if (catalog_sketch_missing(catalog, d->host, d->domain, p, &missing, err) < 0)
        return -1;
    for (size_t i = 0; i < missing.n; i++) {
        char *more;

        if (!selection_matches(&policy->disks, missing.items[i]))
            continue;
        more = xasprintf("%s%s%s", text ? text : "", text ? ", " : "", missing.items[i]);
        free(text);
        text = more;
    }
    *ret = text;
    return 0;
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

static int find_next_run(const struct gathering *g, const struct domain_name *d,
                         const struct config_policy *policy, struct status_policy *ret,
                         struct err *err)
{
    int64_t now = g->s->now, uptime = g->s->uptime;
    CLEANUP(due_list_done) struct due_list dues = {0};
    struct catalog_history h = {0};
    struct plan_history history;
    struct plan_due due;

    if (catalog_history(g->s->catalog, d->host, d->domain, policy->name, &h, err) < 0)
        return -1;
    history = (struct plan_history){
        .since = h.since ? h.since : now, /* not covered yet: from now on */
        .last_due = h.last_due,
        .last_created = h.last_created,
        .ago = *h.last_boot && strcmp(h.last_boot, g->s->boot) == 0 && uptime >= h.last_uptime
                   ? uptime - h.last_uptime
                   : -1,
        .uptime = uptime,
        .distance = g->distances[policy - g->s->config->policies.items],
        .has_attempt = h.has_attempt,
        .failed = h.failed,
        .last_end = h.last_end,
        .failures = h.failures,
        .last_level = h.last_level,
    };
    if (history.ago < 0 && catalog_due_before(g->s->catalog, d->host, d->domain, policy->name,
                                              now - uptime + DATE_SLACK, &history.before, err) < 0)
        return -1;
    if (catalog_dues_after(g->s->catalog, d->host, d->domain, policy->name,
                           plan_baseline(&history, g->started, now), &dues, err) < 0)
        return -1;
    history.dues = dues.items;
    history.n_dues = dues.n;
    if (!plan_next(policy, g->s->zone, &history, g->started, now, &due))
        return 0;
    ret->next_run = due.at;
    ret->next_why = xstrdup(due.why);
    return status_add_needs(g->s, d, policy, due.level, ret, err);
}

static void find_active(const struct gathering *g, const struct domain_name *d,
                        struct status_policy *ret)
{
    for (size_t i = 0; i < g->active.n && g->running; i++) {
        const struct job *j = &g->active.items[i];

        if (!j->guest || strcmp(j->policy, ret->name) != 0 || strcmp(j->domain, d->domain) != 0 ||
            strcmp(j->host, d->host) != 0)
            continue;
        ret->active = j->id;
        ret->is_running = j->state == JOB_RUNNING;
    }
}

/* A policy that was renamed begins anew, and its points stay with its former name. */
static void find_former(const struct gathering *g, const struct point_list *points,
                        struct status_policy *ret)
{
    const struct point *newest = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (str_eq(p->policy, ret->name))
            return;
        if (!config_policy_find(g->s->config, p->policy) &&
            (!newest || p->created > newest->created))
            newest = p;
    }
    ret->former = newest ? xstrdup(newest->policy) : NULL;
    ret->former_last = newest ? newest->created : 0;
}

static int add_policy(const struct gathering *g, const struct domain_name *d,
                      const struct config_policy *policy, const struct point_list *points,
                      struct status_domain *ret, struct err *err)
{
    struct status_policy *p = VEC_ADD(&ret->policies);
    const struct point *newest = find_newest(points, policy->name, &p->last_good, &p->aside);
    struct job_end end;

    p->name = xstrdup(policy->name);
    p->repository = xstrdup(policy->repository);
    p->last_bad = find_newest_bad(points, policy->name);
    find_active(g, d, p);
    find_former(g, points, p);
    p->rpo = policy->rpo;
    if (status_add_reads(g->s->catalog, policy, points, g->s->now, p, err) < 0)
        return -1;
    if (find_lacking(g->s->catalog, d, newest, policy, &p->lacks, err) < 0 ||
        catalog_last_backup(g->s->catalog, d->host, d->domain, policy->name, &end, err) < 0)
        return -1;
    p->last_job = (struct status_job){end.id, end.outcome, end.reason, end.started, end.ended};
    if (status_add_copies(g->s, d, policy, &g->active, p, err) < 0)
        return -1;
    status_add_failures(&g->failed, d, policy, p);
    if (status_add_figures(g->s, d, points, p, err) < 0)
        return -1;
    return find_next_run(g, d, policy, p, err);
}

static bool all_are_good(const struct point_list *points)
{
    for (size_t i = 0; i < points->n; i++)
        if (points->items[i].state != POINT_GOOD)
            return false;
    return true;
}

/* Where all points are good all are whole, for the catalog lets none go that another stands on:
 * then a sketch of them will do. */
static int get_points(const struct gathering *g, const struct domain_name *d,
                      struct point_list *ret, struct err *err)
{
    const struct point_filter filter = {.host = d->host, .domain = d->domain};
    bool lost = status_looks_lost(g->s->looks, d);

    if (catalog_points_sketch(g->s->catalog, d->host, d->domain, ret, err) < 0)
        return -1;
    if (all_are_good(ret) && !lost) {
        points_judge_dates(ret, g->s->now);
        return 0;
    }
    point_list_done(ret);
    if (points_gather(g->s->catalog, &filter, g->s->now, ret, err) < 0)
        return -1;
    if (lost)
        status_mark_lost(g->s->looks, ret);
    return 0;
}

/* What the points tell, and what is due. */
static int add_points(const struct gathering *g, const struct domain_name *d,
                      const struct policies *selecting, struct status_domain *ret, struct err *err)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    int64_t aside;

    if (get_points(g, d, &points, err) < 0)
        return -1;
    find_newest(&points, NULL, &ret->last_point, &aside);
    ret->aside = describe_aside(&points, g->s->now);
    ret->bad_points = points_bad_text(&points);
    ret->points = points.n;
    status_count_uncovered(selecting, &points, ret);
    for (size_t i = 0; i < selecting->n; i++)
        if (add_policy(g, d, selecting->items[i], &points, ret, err) < 0)
            return -1;
    return 0;
}

static int add_disks(const struct gathering *g, const struct domain_name *d,
                     const struct policies *selecting, struct status_domain *ret, struct err *err)
{
    CLEANUP(seen_disk_list_done) struct seen_disk_list disks = {0};

    if (selecting->n == 0)
        return 0;
    if (catalog_seen_disks(g->s->catalog, d->host, d->domain, &disks, err) < 0)
        return -1;
    status_add_disks(selecting, &disks, ret);
    for (size_t i = 0; i < selecting->n; i++)
        idle_use(g->idle, selecting->items[i], &disks);
    return 0;
}

static void select_policies(const struct config *config, const struct domain_name *d,
                            struct policies *ret)
{
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];

        if (selection_matches_domain(&p->domains, d->host, d->domain))
            *VEC_ADD(ret) = p;
    }
}

/* Of a domain of driver qemu, what the configuration names is all that is known while it is shut
 * off. */
static bool lacks_images(const struct config *config, const struct domain_name *d)
{
    const struct config_host *h = config_host_find(config, d->host);

    for (size_t i = 0; h && h->driver == DRIVER_QEMU && i < h->domains.n; i++)
        if (str_eq(h->domains.items[i].name, d->domain))
            return h->domains.items[i].disks.n == 0;
    return false;
}

static void note_used(struct strlist *used, const struct policies *selecting)
{
    for (size_t i = 0; i < selecting->n; i++)
        if (!strlist_has(used, selecting->items[i]->repository))
            strlist_add(used, selecting->items[i]->repository);
}

static int add_domain(struct gathering *g, const struct domain_name *d, struct status *status,
                      struct err *err)
{
    struct status_domain *ret = VEC_ADD(&status->domains);
    CLEANUP_FREE char *name = xasprintf("%s/%s", d->host, d->domain);
    const struct seen *seen = seen_list_find(&g->seen, name);
    struct policies selecting = {0};
    int rc;

    ret->host = xstrdup(d->host);
    ret->domain = xstrdup(d->domain);
    ret->gone = !domain_names_have(&g->known, d->host, d->domain);
    if (seen && !ret->gone) {
        ret->state = xstrdup(seen->state);
        ret->problem = xstrdup(seen->problem);
        ret->unsafe = xstrdup(seen->unsafe);
        ret->needs_images = str_eq(seen->state, "shut off") && lacks_images(g->s->config, d);
    }
    if (!ret->gone)
        select_policies(g->s->config, d, &selecting);
    ret->left_out_on_purpose =
        selecting.n == 0 && !ret->gone &&
        selection_matches_domain(&g->s->config->unprotected, d->host, d->domain);
    note_used(&g->used, &selecting);
    rc = status_add_freeze(g->s, d, ret, err);
    rc = rc < 0 ? rc : add_points(g, d, &selecting, ret, err);
    rc = rc < 0 ? rc : add_disks(g, d, &selecting, ret, err);
    free(selecting.items);
    return rc;
}

int status_clock_doubt(struct catalog *catalog, int64_t now, char **ret, struct err *err)
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
    hold = seen_list_find(&rows, "hold");
    if (hold && strcmp(hold->state, "on") == 0 && clock_hold_lasts(hold->at, now))
        *ret = xstrdup(hold->problem);
    seen_list_done(&rows);
    return 0;
}

/* That it is in doubt, and for a day that it was set. */
static int warn_of_clock(const struct status_sources *s, struct status *ret, struct err *err)
{
    CLEANUP_FREE char *doubt = NULL;
    struct seen_list rows = {0};
    const struct seen *set;

    if (status_clock_doubt(s->catalog, s->now, &doubt, err) < 0 ||
        catalog_seen(s->catalog, "clock", &rows, err) < 0)
        return -1;
    if (doubt)
        reason_add(&ret->warnings, REASON_CLOCK, CLOCK_ADVICE, "%s", doubt);
    set = seen_list_find(&rows, "set");
    if (set && set->problem && s->now >= set->at - DATE_SLACK && s->now < set->at + DAY)
        reason_add(&ret->warnings, REASON_CLOCK, CLOCK_ADVICE, "%s", set->problem);
    seen_list_done(&rows);
    return 0;
}

struct strays {
    const struct domain_names *known;
    char *names; /* the first ones */
    size_t n;
};

static void on_domain_with_points(void *arg, const char *host, const char *domain)
{
    struct strays *s = arg;
    char *before = s->names;

    if (domain_names_have(s->known, host, domain) || s->n++ >= STRAYS_NAMED)
        return;
    s->names = xasprintf("%s%s%s/%s", before ? before : "", before ? ", " : "", host, domain);
    free(before);
}

/* Nobody judges their points, and nobody sees them in the list of domains. */
static int tell_of_strays(const struct gathering *g, struct status *ret, struct err *err)
{
    struct strays s = {.known = &g->known};
    CLEANUP_FREE char *more = NULL;
    int rc = catalog_domains_with_points(g->s->catalog, on_domain_with_points, &s, err);

    more = s.n > STRAYS_NAMED ? xasprintf(" and %zu more", s.n - STRAYS_NAMED) : xstrdup("");
    if (rc == 0 && s.n > 0)
        reason_add(&ret->warnings, REASON_NOT_CONFIGURED,
                   "`vmkeep points DOMAIN` lists them, `vmkeep delete --domain DOMAIN` lets go of "
                   "them, `vmkeep checkpoint-prune` of what they have left at hypervisors",
                   "%zu domain%s with points %s in the configuration no more, or not at %s: %s%s; "
                   "the points stay",
                   s.n, plural_s(s.n), s.n == 1 ? "is" : "are",
                   s.n == 1 ? "its host" : "their hosts", s.names, more);
    free(s.names);
    return rc;
}

static int gather(struct gathering *g, const struct domain_names *only, struct status *ret,
                  struct err *err)
{
    const struct domain_names *chosen = only ? only : &g->known;
    int rc = 0;

    for (size_t i = 0; i < chosen->n && rc == 0; i++)
        rc = add_domain(g, &chosen->items[i], ret, err);
    if (rc == 0 && g->s->days)
        rc = status_add_days(g->s, ret, err);
    if (rc == 0 && !only) {
        idle_warn(g->idle, &g->known, &ret->warnings);
        rc = warn_of_clock(g->s, ret, err) < 0 || status_tell_of_crash(g->s, ret, err) < 0 ||
                     status_warn_of_hosts(g->s, &g->known, ret, err) < 0 ||
                     status_warn_of_targets(g->s, ret, err) < 0
                 ? -1
                 : tell_of_strays(g, ret, err);
    }
    return rc < 0 ? rc : status_add_repositories(g->s, only ? &g->used : NULL, ret, err);
}

static int gather_at_once(struct gathering *g, const struct domain_names *only, struct status *ret,
                          struct err *err)
{
    const struct job_filter active = {.active = true};
    int rc;

    if (catalog_instant_begin(g->s->catalog, err) < 0)
        return -1;
    rc = catalog_seen(g->s->catalog, "domain", &g->seen, err);
    rc = rc < 0 ? rc : catalog_failures(g->s->catalog, &g->failed, err);
    rc = rc < 0 ? rc : domains_known(g->s->config, g->s->catalog, &g->known, err);
    rc = rc < 0 ? rc : catalog_jobs(g->s->catalog, &active, &g->active, err);
    rc = rc < 0 ? rc : gather(g, only, ret, err);
    catalog_instant_end(g->s->catalog);
    return rc;
}

int status_gather(const struct status_sources *s, const struct domain_names *only,
                  struct status *ret, struct err *err)
{
    const struct config *config = s->config;
    struct gathering g = {.s = s,
                          .running = ret->daemon.running,
                          .started = ret->daemon.running ? ret->daemon.started : s->now};
    int rc;

    ret->now = s->now;
    g.idle = idle_new(config);
    g.distances = xcalloc(config->policies.n + 1, sizeof(*g.distances));
    for (size_t i = 0; i < config->policies.n; i++)
        g.distances[i] = plan_shortest_distance(&config->policies.items[i], s->zone);
    rc = gather_at_once(&g, only, ret, err);
    if (rc == 0)
        status_judge(ret);
    seen_list_done(&g.seen);
    seen_list_done(&g.failed);
    domain_names_done(&g.known);
    job_list_done(&g.active);
    strlist_done(&g.used);
    idle_free(g.idle);
    free(g.distances);
    return rc;
}

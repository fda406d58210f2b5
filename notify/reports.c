/* SPDX-License-Identifier: MIT
 *
 * Reports: by the calendar, and after the runs of policies.
 *
 *   due -> env.report makes it -> message and how far it went, in one transaction -> queue
 *
 * How far each went stands in the catalog beside the runs of policies (runs.c), under names that no
 * policy can have: of a target that has reports by the calendar when the period of the next begins
 * and up to when it was looked for what is due; of a policy after whose runs somebody has reports,
 * the last job that was reported.  So a daemon that dies forgets none and sends none twice.  Those
 * that came due while it was down are one.
 */
#include "notify/notifier_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "storage/catalog/catalog_notify.h"

#define CHECK_EVERY_S 600.0 /* whatever befalls the clock */
#define RETRY_S 60.0
#define FIRST_PERIOD_S (INT64_C(1) * 86400)
#define KEPT_S (INT64_C(7) * 86400)

void report_order_done(struct report_order *o)
{
    free(o->key);
    free(o->policy);
    free(o->target);
    *o = (struct report_order){0};
}

static bool wants_runs(const struct notifier *n)
{
    for (size_t i = 0; i < n->config->notify.n; i++)
        if (n->config->notify.items[i].report.runs)
            return true;
    return false;
}

/* ---- what is due ---- */

static bool next_of(const struct notifier *n, const struct config_target *t, int64_t after,
                    int64_t *ret)
{
    const struct calspec_list *l = &t->report.calendar;
    bool found = false;
    int64_t at;

    for (size_t i = 0; i < l->n; i++)
        if (calspec_next(l->items[i], n->zone, after, &at) && (!found || at < *ret)) {
            *ret = at;
            found = true;
        }
    return found;
}

/* The first report of a target tells of the day before it; one that was sent at a time that has not
 * come yet, for the clock was set back, silences nothing. */
static int read_target(struct notifier *n, const char *key, int64_t now, struct policy_run *ret,
                       struct err *err)
{
    if (catalog_policy_run(n->env.catalog, key, ret, err) < 0)
        return -1;
    if (ret->ended >= 0 && ret->ended <= now)
        return 0;
    if (ret->ended < 0 || ret->began > now)
        ret->began = now - FIRST_PERIOD_S;
    ret->ended = now;
    return catalog_policy_run_put(n->env.catalog, key, ret, NULL, 0, err);
}

/* next: made earlier where the target's next report is. */
static int due_of_target(struct notifier *n, const struct config_target *t, int64_t *next,
                         struct report_order *ret, struct err *err)
{
    CLEANUP_FREE char *key = xasprintf("report/%s", t->name);
    int64_t now = notifier_now(n), at = 0;
    struct policy_run run;

    if (t->report.calendar.n == 0)
        return 0;
    if (read_target(n, key, now, &run, err) < 0)
        return -1;
    if (!next_of(n, t, run.ended, &at))
        return 0;
    if (at > now)
        *next = at < *next ? at : *next;
    else
        *ret = (struct report_order){.key = xstrdup(key),
                                     .target = xstrdup(t->name),
                                     .since = run.began,
                                     .then = {.ended = now}};
    return 0;
}

static int due_of_policy(struct notifier *n, const char *policy, struct report_order *ret,
                         struct err *err)
{
    CLEANUP_FREE char *key = xasprintf("runs/%s", policy);
    struct policy_run run;
    struct moved m;

    if (catalog_policy_run(n->env.catalog, key, &run, err) < 0 ||
        (run.ended < 0 && run_begin_to_listen(n, policy, key, &run, err) < 0) ||
        run_find_moved(n->env.catalog, policy, run.ended, &m, err) < 0)
        return -1;
    if (m.n > 0 && !m.first_open)
        *ret = (struct report_order){.key = xstrdup(key),
                                     .policy = xstrdup(policy),
                                     .since = m.began,
                                     .then = {m.last, m.last}};
    free(m.problem);
    return 0;
}

/* The first that is due; key NULL: none is. */
static int find_due(struct notifier *n, int64_t *next, struct report_order *ret, struct err *err)
{
    const struct config *c = n->config;

    for (size_t i = 0; i < c->notify.n && !ret->key; i++)
        if (due_of_target(n, &c->notify.items[i], next, ret, err) < 0)
            return err_wrap(err, "%s", c->notify.items[i].name);
    while (!ret->key && n->runs_of.n > 0) {
        const char *policy = n->runs_of.items[n->runs_of.n - 1];

        if (wants_runs(n) && config_policy_find(c, policy) &&
            due_of_policy(n, policy, ret, err) < 0)
            return err_wrap(err, "%s", policy);
        if (!ret->key) /* else it is looked at again when that is done */
            free(n->runs_of.items[--n->runs_of.n]);
    }
    return 0;
}

/* ---- making one ---- */

static void check_later(struct notifier *n, double seconds)
{
    n->env.clock->ops->stop(n->env.clock, &n->reports);
    n->env.clock->ops->after(n->env.clock, &n->reports, seconds);
}

static bool gets(const struct report_order *o, const struct config_target *t)
{
    return o->target ? str_eq(t->name, o->target) : t->report.runs;
}

/* The next period begins where this one ends. */
static int64_t end_of(const json_t *notice, int64_t otherwise)
{
    const char *at = json_string_value(json_object_get(notice, "at"));
    struct err err = ERR_INIT;
    int64_t ret;

    return (at && time_parse(at, &ret, &err) == 0 ? ret : otherwise) + 1;
}

static int queue(struct notifier *n, struct report_order *o, const char *body, struct err *err)
{
    json_t *notice = json_loads(body, 0, NULL);
    const char *subject = json_string_value(json_object_get(notice, "subject"));
    int64_t now = notifier_now(n);
    struct message m = {.kind = (char *)"report",
                        .subject = (char *)subject,
                        .body = (char *)body,
                        .created = now,
                        .expires = now + KEPT_S,
                        .next = now};
    VEC(struct target_news) news = {0};
    int rc;

    for (size_t i = 0; subject && i < n->config->notify.n; i++)
        if (gets(o, &n->config->notify.items[i]))
            *VEC_ADD(&news) = (struct target_news){
                .target = n->config->notify.items[i].name, .message = &m, .at = now};
    if (o->target)
        o->then.began = end_of(notice, now);
    rc = subject ? catalog_policy_run_put(n->env.catalog, o->key, &o->then, news.items, news.n, err)
                 : err_set(err, ERR_PROTOCOL, "the report cannot be read");
    free(news.items);
    json_decref(notice);
    return rc;
}

static void on_report(void *ctx, const struct err *problem)
{
    struct notifier *n = ctx;
    struct err err = ERR_INIT;

    n->reporting = NULL;
    if (problem)
        err = *problem;
    else
        queue(n, &n->order, n->reported, &err);
    if (err.code != ERR_NONE)
        notifier_trouble("a report was not made, and is tried again", &err);
    free(n->reported);
    n->reported = NULL;
    report_order_done(&n->order);
    outbox_kick(n);
    check_later(n, err.code != ERR_NONE ? RETRY_S : 0);
}

void reports_check(void *notifier)
{
    struct notifier *n = notifier;
    int64_t now = notifier_now(n), next = now + (int64_t)CHECK_EVERY_S;
    struct err err = ERR_INIT;

    if (n->reporting)
        return; /* and then again */
    if (find_due(n, &next, &n->order, &err) == 0 && !n->order.key) {
        check_later(n, (double)(next - now));
        return;
    }
    if (n->order.key)
        n->reporting = n->env.report(n->env.ctx, n->order.since, n->order.policy, &n->reported,
                                     on_report, n, &err);
    if (n->reporting)
        return;
    notifier_trouble("a report was not made, and is tried again", &err);
    report_order_done(&n->order);
    check_later(n, RETRY_S);
}

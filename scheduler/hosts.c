/* SPDX-License-Identifier: MIT
 *
 * Hosts that tell their domains late, or have others than before.
 *
 * A host may take half a minute until it tells which domains it has, and may be away for days.
 * Until it has told, what the catalog says of its domains stands: its policies cover what they
 * covered, nothing ends and nothing is let go for it.  What waits or was running when the daemon
 * stopped waits on, for WAIT_S; after that it is asked, and fails as at any host that does not
 * answer, and its domains are shown as unreachable.
 */
#include "scheduler/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "scheduler/core.h"
#include "scheduler/coverage.h"
#include "scheduler/settling.h"
#include "scheduler/watch.h"
#include "storage/catalog/catalog_frozen.h"

#define WAIT_S 60.0

/* ---- a host that is waited for ---- */

static void told(struct host *h);

/* What a former life left running goes on. */
static void resume_jobs(struct host *h)
{
    for (size_t i = h->env->runs.n; i-- > 0;) {
        struct job_run *r = h->env->runs.items[i];

        if (r->host != h || !r->awaits_host)
            continue;
        r->awaits_host = false;
        job_resume(r);
    }
}

static void say_late(struct host *h)
{
    struct scheduler *s = scheduler_of(h->env);
    int64_t since = env_now(h->env) - (env_elapsed(h->env) - h->watch->since);
    char when[TIMEFMT_MAX];
    struct err why = ERR_INIT, err = ERR_INIT;
    CLEANUP_FREE char *away = NULL, *problem = NULL;

    host_domains(h, NULL, &why);
    away = xasprintf("unreachable since %s: %s", time_utc(since, when), why.msg);
    problem = xasprintf("host %s", away);
    log_warning("host %s: %s", h->name, away);
    if (catalog_seen_put(h->env->catalog, "host", h->name, "unreachable", away, NULL,
                         env_now(h->env), &err) < 0)
        catalog_trouble(h->env, "record a host", &err);
    for (size_t i = 0; i < s->covers.n; i++)
        if (strcmp(s->covers.items[i].host, h->name) == 0)
            watch_saw_problem(s, h->name, s->covers.items[i].domain, problem);
}

static void on_wait_over(void *ctx)
{
    struct host *h = ctx;

    if (host_domains(h, NULL, NULL)) {
        told(h);
        return;
    }
    MARK("a host has not told its domains for so long that it is waited for no more");
    h->late = true;
    say_late(h);
    resume_jobs(h);
    sched_kick(scheduler_of(h->env));
    settle_if_seen(scheduler_of(h->env));
}

void hosts_say_late(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.hosts.n; i++)
        if (s->jobs.hosts.items[i]->late && !s->jobs.hosts.items[i]->retired)
            say_late(s->jobs.hosts.items[i]);
}

static void forget_gone(struct host *h);

void hosts_made(struct host *h)
{
    h->watch->alarm = (struct alarm){.fire = on_wait_over, .ctx = h};
    h->watch->since = env_elapsed(h->env);
    h->known = host_domains(h, &h->watch->names, NULL);
    if (h->known)
        forget_gone(h);
    else if (h->hv)
        h->env->clock->ops->after(h->env->clock, &h->watch->alarm, WAIT_S);
}

/* What an earlier life of ours has not seen thawed. */
static void owe_thaws(struct host *h)
{
    struct err err = ERR_INIT;

    if (!h->hv || !h->hv->ops->owe_thaw)
        return;
    for (size_t i = 0; i < h->watch->names.n; i++) {
        const char *domain = h->watch->names.items[i];
        int64_t since = 0;

        if (catalog_frozen(h->env->catalog, h->name, domain, &since, &err) < 0)
            catalog_trouble(h->env, "read whether a guest is frozen", &err);
        else if (since)
            h->hv->ops->owe_thaw(h->hv, domain, true);
    }
}

/* ---- domains that come and go ---- */

static void note_gone(struct host *h)
{
    struct catalog *catalog = h->env->catalog;
    CLEANUP(strlist_done) struct strlist covered = {0};
    struct err err = ERR_INIT;

    if (catalog_covered(catalog, h->name, &covered, &err) < 0)
        catalog_trouble(h->env, "read what policies cover", &err);
    for (size_t i = 0; i < covered.n; i++) {
        if (strlist_has(&h->watch->names, covered.items[i]))
            continue;
        log_notice("host %s: domain %s is gone", h->name, covered.items[i]);
        if (catalog_cover_gone(catalog, h->name, covered.items[i], env_now(h->env), &err) < 0)
            catalog_trouble(h->env, "record that a domain is gone", &err);
    }
}

/* By its UUID one that is gone is known when it has another name (catalog_gone). */
static void note_gone_uuid(struct host *h, const struct seen *d)
{
    struct err err = ERR_INIT;

    if (d->uuid && catalog_gone_put(h->env->catalog, d->name, d->uuid, env_now(h->env), &err) < 0)
        catalog_trouble(h->env, "record a domain's UUID", &err);
}

/* The host has told.  What it has no more; a life before this one may have seen it.  Who is looked
 * at by name is not asked for again, and who reads what was seen is not told of it. */
static void forget_gone(struct host *h)
{
    struct catalog *catalog = h->env->catalog;
    struct seen_list seen = {0};
    struct err err = ERR_INIT;
    size_t prefix = strlen(h->name);

    if (catalog_seen(catalog, "domain", &seen, &err) < 0)
        catalog_trouble(h->env, "read what was seen", &err);
    for (size_t i = 0; i < seen.n; i++) {
        const char *name = seen.items[i].name;

        if (strncmp(name, h->name, prefix) != 0 || name[prefix] != '/' ||
            strlist_has(&h->watch->names, name + prefix + 1))
            continue;
        note_gone_uuid(h, &seen.items[i]);
        if (catalog_seen_forget(catalog, "domain", name, &err) < 0)
            catalog_trouble(h->env, "forget a domain", &err);
    }
    seen_list_done(&seen);
    if (catalog_seen_forget(catalog, "host", h->name, &err) < 0)
        catalog_trouble(h->env, "record a host", &err);
    note_gone(h);
}

static void look_at_newcomers(struct host *h, const struct strlist *before, bool all)
{
    struct scheduler *s = scheduler_of(h->env);

    for (size_t i = 0; i < h->watch->names.n; i++)
        if (all || !strlist_has(before, h->watch->names.items[i]))
            watch_domain(s, h, h->watch->names.items[i]);
}

static bool is_same(const struct strlist *a, const struct strlist *b)
{
    for (size_t i = 0; i < a->n && a->n == b->n; i++)
        if (!strlist_has(b, a->items[i]))
            return false;
    return a->n == b->n;
}

static void told(struct host *h)
{
    struct scheduler *s = scheduler_of(h->env);
    CLEANUP(strlist_done) struct strlist before = h->watch->names;
    bool first = !h->known;

    h->watch->names = (struct strlist){0};
    if (!host_domains(h, &h->watch->names, NULL)) {
        h->watch->names = before;
        before = (struct strlist){0};
        return;
    }
    if (!first && is_same(&before, &h->watch->names))
        return;
    if (first)
        log_info("host %s: %zu domains", h->name, h->watch->names.n);
    h->known = true;
    h->late = false;
    h->env->clock->ops->stop(h->env->clock, &h->watch->alarm);
    if (h->retired) {
        resume_jobs(h);
        return;
    }
    if (first)
        owe_thaws(h);
    forget_gone(h);
    coverage_sync(s);
    look_at_newcomers(h, &before, first);
    resume_jobs(h);
    sched_kick(s);
    settle_if_seen(s);
}

void hosts_on_event(void *ctx, const struct hv_event *event)
{
    if (event->type == HV_EVENT_DOMAINS)
        told(ctx);
    else
        watch_on_event(ctx, event);
}

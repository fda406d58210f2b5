/* SPDX-License-Identifier: MIT
 *
 * What was last seen of domains and repositories, kept in the catalog for commands that read it
 * while the daemon is down.  Domains are looked at when the daemon starts, when the hypervisor
 * reports a change, and by each job; nothing is polled, but for repositories that are away.
 */
#include "scheduler/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mark.h"
#include "base/text.h"
#include "scheduler/compare.h"
#include "scheduler/core.h"
#include "scheduler/numbers.h"
#include "scheduler/places.h"
#include "scheduler/resources.h"
#include "scheduler/settling.h"
#include "storage/catalog/catalog_frozen.h"
#include "storage/catalog/catalog_room.h"

#define LOOKS_AT_ONCE 8
#define DAY_S 86400
/* A repository that is away is looked for again after as long as it has been away, about: each look
 * may leave a process behind that a dead server never lets go. */
#define AWAY_FIRST_S 60
#define AWAY_MOST_S 3600

static void put(struct scheduler *s, const char *kind, const char *name, const char *state,
                const char *problem, const char *unsafe)
{
    struct err err = ERR_INIT;

    if (catalog_seen_put(s->env.catalog, kind, name, state, problem, unsafe, env_now(&s->jobs),
                         &err) < 0)
        catalog_trouble(&s->jobs, "record what was seen", &err);
}

/* One that cannot be asked is as it was. */
static void note_frozen(struct scheduler *s, const char *host, const char *domain,
                        const struct domain_facts *facts)
{
    int64_t age = facts->frozen_for > 0 ? facts->frozen_for : 0;
    struct err err = ERR_INIT;

    if (facts->state == DOMAIN_UNREACHABLE)
        return;
    if (catalog_frozen_put(s->env.catalog, host, domain,
                           facts->perhaps_frozen ? env_now(&s->jobs) - age : 0, &err) < 0)
        catalog_trouble(&s->jobs, "record whether a guest is frozen", &err);
}

/* What is attached.  Of one that is shut off only the images of the configuration are known. */
static void note_disks(struct scheduler *s, const char *host, const char *domain,
                       const struct domain_facts *facts)
{
    struct seen_disk_list disks = {0};
    struct err err = ERR_INIT;

    if (facts->state == DOMAIN_UNREACHABLE)
        return;
    for (size_t i = 0; i < facts->disks.n; i++)
        seen_disk_add(&disks, facts->disks.items[i].name, facts->disks.items[i].identity, NULL);
    for (size_t i = 0; i < facts->asides.n; i++) {
        const struct disk_facts *d = &facts->asides.items[i];
        CLEANUP_FREE char *what = xasprintf("%s%s%s", disk_facts_aside(d), d->image ? ", " : "",
                                            d->image ? d->image : "");

        seen_disk_add(&disks, d->name, d->identity, what);
    }
    if (catalog_seen_disks_put(s->env.catalog, host, domain, &disks, facts->state != DOMAIN_SHUTOFF,
                               env_now(&s->jobs), &err) < 0)
        catalog_trouble(&s->jobs, "record what is attached to a domain", &err);
    seen_disk_list_done(&disks);
}

static void note_uuid(struct scheduler *s, const char *name, const struct domain_facts *facts)
{
    struct err err = ERR_INIT;

    if (facts->state != DOMAIN_RUNNING && facts->state != DOMAIN_PAUSED && !facts->uuid)
        return;
    if (catalog_seen_uuid(s->env.catalog, name, facts->uuid, &err) < 0)
        catalog_trouble(&s->jobs, "record a domain's UUID", &err);
}

static char *append(char *to, const char *between, const char *more)
{
    char *ret = xasprintf("%s%s%s", to ? to : "", between, more);

    free(to);
    return ret;
}

/* "disk vda, vdb: WHY; disk vdc: ANOTHER"; NULL: none.  Caller frees. */
static char *unsafe_of(const struct domain_facts *facts)
{
    CLEANUP(strlist_done) struct strlist told = {0};
    char *ret = NULL;

    for (size_t i = 0; i < facts->disks.n; i++) {
        const char *why = facts->disks.items[i].unsafe, *before = ret ? "; disk " : "disk ";

        if (!why || strlist_has(&told, why))
            continue;
        strlist_add(&told, why);
        for (size_t k = i; k < facts->disks.n; k++)
            if (str_eq(facts->disks.items[k].unsafe, why)) {
                ret = append(ret, before, facts->disks.items[k].name);
                before = ", ";
            }
        ret = append(ret, ": ", why);
    }
    return ret;
}

/* A look that was under way may end after the host has told that it has no such domain. */
static bool is_gone(struct scheduler *s, const char *host, const char *domain)
{
    const struct host *h = host_find(&s->jobs, host);

    return h && h->known && !strlist_has(&h->watch->names, domain);
}

void watch_saw_domain(struct scheduler *s, const char *host, const char *domain,
                      const struct domain_facts *facts)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);
    CLEANUP_FREE char *unsafe = unsafe_of(facts);

    if (is_gone(s, host, domain)) {
        MARK("a domain that is gone was looked at");
        return;
    }
    places_saw_domain(s, host, domain, facts);
    note_frozen(s, host, domain, facts);
    note_disks(s, host, domain, facts);
    put(s, "domain", name, domain_state_name(facts->state), facts->problem, unsafe);
    note_uuid(s, name, facts);
    numbers_saw_domain(s, name, facts);
}

void watch_saw_problem(struct scheduler *s, const char *host, const char *domain,
                       const char *problem)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", host, domain);

    put(s, "domain", name, domain_state_name(DOMAIN_UNREACHABLE), problem, NULL);
}

/* Once a day, and anew after a start. */
static void note_room(struct scheduler *s, struct repo *r, const struct store_space *space)
{
    int64_t now = env_now(&s->jobs);
    const struct room_sample sample = {now, space->free, space->total};
    struct err err = ERR_INIT;

    if (now / DAY_S == r->watch->room_day)
        return;
    r->watch->room_day = now / DAY_S;
    if (catalog_room_put(s->env.catalog, r->name, &sample, &err) < 0)
        catalog_trouble(&s->jobs, "record the room in a repository", &err);
}

static void look_away_after(struct scheduler *s, double pause)
{
    s->away_pause = pause;
    s->env.clock->ops->after(s->env.clock, &s->away, pause);
}

void watch_saw_repo(struct scheduler *s, struct repo *r, const struct store_space *space,
                    const struct err *problem)
{
    if (!problem)
        repo_saw_id(r, space->id);
    if (!problem && r->watch->away)
        s->env.clock->ops->after(s->env.clock, &s->copying, 0);
    if (problem && !r->watch->away)
        look_away_after(s, AWAY_FIRST_S);
    r->watch->away = problem != NULL;
    if (!problem)
        note_room(s, r, space);
    put(s, "repository", r->name, problem ? "problem" : "ok", problem ? problem->msg : NULL, NULL);
}

static void look_next(struct scheduler *s);

static void look_free(struct look *l)
{
    struct scheduler *s = l->s;

    for (size_t i = 0; i < s->looks.n; i++) {
        if (s->looks.items[i] == l) {
            s->looks.items[i] = s->looks.items[--s->looks.n];
            break;
        }
    }
    host_release(l->host);
    domain_facts_free(l->facts);
    free(l->domain);
    free(l);
    settle_if_seen(s);
}

static void on_looked(void *ctx, const struct err *err)
{
    struct look *l = ctx;
    struct scheduler *s = l->s;

    if (s->jobs.dead)
        return;
    l->op = NULL;
    if (!err)
        watch_saw_domain(s, l->host->name, l->domain, l->facts);
    domain_facts_free(l->facts);
    l->facts = NULL;
    if (!l->again)
        look_free(l);
    else
        l->again = false;
    look_next(s);
}

/* Starts looks that wait, a few at a time. */
static void look_next(struct scheduler *s)
{
    size_t busy = 0;

    for (size_t i = 0; i < s->looks.n; i++)
        busy += s->looks.items[i]->op != NULL;
    for (size_t i = 0; i < s->looks.n && busy < LOOKS_AT_ONCE; i++) {
        struct look *l = s->looks.items[i];
        struct hypervisor *hv = l->host->hv;
        struct err err = ERR_INIT;

        if (l->op)
            continue;
        l->op = hv->ops->inspect(hv, l->domain, &l->facts, on_looked, l, &err);
        if (l->op) {
            busy++;
        } else {
            look_free(l);
            i--;
        }
    }
}

static struct look *look_find(struct scheduler *s, const struct host *h, const char *domain)
{
    for (size_t i = 0; i < s->looks.n; i++)
        if (s->looks.items[i]->host == h && strcmp(s->looks.items[i]->domain, domain) == 0)
            return s->looks.items[i];
    return NULL;
}

static void look_add(struct scheduler *s, struct host *h, const char *domain)
{
    struct look *l = look_find(s, h, domain);

    if (l) {
        l->again = l->op != NULL;
        return;
    }
    l = xcalloc(1, sizeof(*l));
    l->s = s;
    l->host = h;
    l->domain = xstrdup(domain);
    host_hold(h);
    *VEC_ADD(&s->looks) = l;
}

void watch_domain(struct scheduler *s, struct host *h, const char *domain)
{
    look_add(s, h, domain);
    look_next(s);
}

static void on_surveyed(void *ctx, const struct err *err)
{
    struct repo *r = ctx;
    struct scheduler *s = scheduler_of(r->env);
    struct err trouble = err ? *err : ERR_INIT;

    if (s->jobs.dead)
        return;
    if (!err && survey_record(&s->jobs, r, NULL, NULL, &r->watch->look, &trouble) < 0)
        catalog_trouble(&s->jobs, "record the states of points", &trouble);
    else if (err)
        watch_saw_repo(s, r, &r->watch->space, err);
    if (!err)
        compare_repo(r, &r->watch->look.found);
    survey_look_done(&r->watch->look);
    r->watch->surveying = NULL;
    if (r->watch->again && !r->retired)
        watch_repo(s, r);
    settle_if_seen(s);
    repo_release(r);
}

/* Where the catalog knows of no point there may be some all the same: it may have been lost. */
void watch_repo(struct scheduler *s, struct repo *r)
{
    struct err err = ERR_INIT;

    r->watch->again = r->watch->surveying != NULL;
    if (r->watch->again)
        return;
    r->watch->surveying =
        survey_start(&s->jobs, r, NULL, NULL, &r->watch->look, on_surveyed, r, &err);
    if (r->watch->surveying)
        repo_hold(r);
    else
        watch_saw_repo(s, r, &r->watch->space, &err);
}

static void on_probed(void *ctx, const struct err *err)
{
    struct repo *r = ctx;

    if (r->env->dead)
        return;
    r->watch->probing = NULL;
    watch_saw_repo(scheduler_of(r->env), r, &r->watch->space, err);
    if (!err)
        watch_repo(scheduler_of(r->env), r);
    else
        r->gave_way = 0;
    settle_if_seen(scheduler_of(r->env));
    repo_release(r);
}

static void probe(struct scheduler *s, struct repo *r)
{
    struct err err = ERR_INIT;

    if (r->watch->probing)
        return;
    r->watch->probing =
        r->store->ops->probe(r->store, !r->known, NULL, &r->watch->space, on_probed, r, &err);
    if (r->watch->probing)
        repo_hold(r);
    else
        watch_saw_repo(s, r, &r->watch->space, &err);
}

void watch_all(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.hosts.n; i++) {
        struct host *h = s->jobs.hosts.items[i];
        struct strlist names = {0};

        if (h->retired || !h->hv)
            continue;
        host_domains(h, &names, NULL);
        for (size_t k = 0; k < names.n; k++)
            look_add(s, h, names.items[k]);
        strlist_done(&names);
    }
    look_next(s);
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (!s->jobs.repos.items[i]->retired)
            probe(s, s->jobs.repos.items[i]);
}

void watch_away(void *ctx)
{
    struct scheduler *s = ctx;
    bool any = false;

    for (size_t i = 0; i < s->jobs.repos.n; i++) {
        struct repo *r = s->jobs.repos.items[i];

        if (r->retired || !r->watch->away)
            continue;
        probe(s, r);
        any = true;
    }
    if (any)
        look_away_after(s, s->away_pause < AWAY_MOST_S / 2.0 ? 2 * s->away_pause : AWAY_MOST_S);
}

void watch_newcomer(struct repo *r)
{
    if (!r->compared && !r->watch->probing && !r->watch->surveying && !r->watch->examining)
        watch_repo(scheduler_of(r->env), r);
}

void watch_again(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (!s->jobs.repos.items[i]->retired &&
            (s->jobs.repos.items[i]->watch->difference || !s->jobs.repos.items[i]->compared))
            probe(s, s->jobs.repos.items[i]);
}

void watch_on_event(void *ctx, const struct hv_event *event)
{
    struct host *h = ctx;
    struct scheduler *s = scheduler_of(h->env);

    if (event->type == HV_EVENT_DOMAIN && !h->retired)
        watch_domain(s, h, event->domain);
    /* Whatever it was: a job of that domain should look at itself. */
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        struct job_run *r = s->jobs.runs.items[i];

        if (strcmp(r->row.domain, event->domain) != 0)
            continue;
        if (job_rests(r) && str_eq(r->row.host, h->name))
            job_wait(r, 0);
        if (r->admitted && r->host == h && r->type->event)
            r->type->event(r);
    }
}

void watch_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->looks.n; i++) {
        domain_facts_free(s->looks.items[i]->facts);
        free(s->looks.items[i]->domain);
        free(s->looks.items[i]);
    }
    free(s->looks.items);
}

/* SPDX-License-Identifier: MIT
 *
 * A copy of the catalog in each repository, after each change of points.
 *
 * First one beside the catalog, by SQLite's backup API, some pages a turn of the loop; then a child
 * a repository brings it there, for a repository may hang.  Changes that come close together cost
 * one copy; a copy that takes long keeps the next one away for longer.  A repository that cannot
 * take it now gets it with the next change, or within the hour.
 *
 * None goes to a repository that has not been compared, or that has points which the catalog
 * does not know: the copy there may be the one that knows them.  None goes anywhere as long as the
 * catalog is known to be behind.
 */
#include "scheduler/copies.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "scheduler/core.h"
#include "scheduler/lacks.h"

#define STEP_PAGES 256
#define FIRST_S 2.0 /* after a change: its neighbours come along */
#define REST_FACTOR 20
#define REST_MAX_S 600.0

static bool wants(const struct scheduler *s, const struct repo *r)
{
    return !r->retired && s->behind == 0 && r->store->ops->keep_catalog && r->compared &&
           !lacks_any(r) && r->watch->copied != catalog_changes(s->env.catalog);
}

static bool anybody_wants(const struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (wants(s, s->jobs.repos.items[i]))
            return true;
    return false;
}

static double pause_s(const struct scheduler *s)
{
    double rest = (double)s->copies.took_ms * REST_FACTOR / 1000;

    if (s->jobs.draining)
        return 0;
    return rest < FIRST_S ? FIRST_S : rest > REST_MAX_S ? REST_MAX_S : rest;
}

void copies_consider(struct scheduler *s)
{
    struct copies *c = &s->copies;

    if (s->settled && !c->going && c->waiting == 0 && (!c->alarm.armed || s->jobs.draining) &&
        anybody_wants(s))
        s->env.clock->ops->after(s->env.clock, &c->alarm, pause_s(s));
}

void copies_retry(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (s->jobs.repos.items[i]->watch->copy_failed)
            s->jobs.repos.items[i]->watch->copied = 0;
    copies_consider(s);
}

bool copies_are_under_way(const struct scheduler *s)
{
    return s->copies.going || s->copies.waiting > 0 || s->copies.alarm.armed;
}

static void end_round(struct scheduler *s)
{
    struct copies *c = &s->copies;

    unlink(c->path);
    free(c->path);
    c->path = NULL;
    c->took_ms = env_elapsed_ms(&s->jobs) - c->began_ms;
    copies_consider(s);
    if (s->jobs.draining)
        sched_kick(s);
}

static void give_up(struct scheduler *s, const struct err *err)
{
    log_warning("no copy of the catalog is made: %s", err->msg);
    catalog_copy_free(s->copies.going);
    s->copies.going = NULL;
    free(s->copies.path);
    s->copies.path = NULL;
    if (s->jobs.draining)
        sched_kick(s);
}

/* ---- to the repositories ---- */

static void on_kept(void *ctx, const struct err *err)
{
    struct repo *r = ctx;
    struct scheduler *s = scheduler_of(r->env);

    if (s->jobs.dead)
        return;
    r->watch->keeping = NULL;
    if (!err) {
        if (r->watch->copy_failed)
            log_notice("repository %s: it has a copy of the catalog again", r->name);
        r->watch->copy_failed = false;
    } else if (!r->watch->copy_failed) {
        r->watch->copy_failed = true;
        log_warning("repository %s: it gets no copy of the catalog: %s", r->name, err->msg);
    }
    repo_release(r);
    if (--s->copies.waiting == 0)
        end_round(s);
}

static void bring(struct scheduler *s, struct repo *r, int64_t last_job)
{
    const struct store_catalog what = {s->copies.path, catalog_id(s->env.catalog), last_job};
    struct err err = ERR_INIT;

    r->watch->copied = s->copies.changes; /* a failure is tried again with the next change */
    r->watch->keeping = r->store->ops->keep_catalog(r->store, &what, on_kept, r, &err);
    if (!r->watch->keeping) {
        log_warning("repository %s: it gets no copy of the catalog: %s", r->name, err.msg);
        return;
    }
    repo_hold(r);
    s->copies.brought = last_job;
    s->copies.waiting++;
}

static void bring_all(struct scheduler *s)
{
    int64_t next = 0;
    struct err err = ERR_INIT;

    if (catalog_next_job(s->env.catalog, &next, &err) < 0)
        catalog_trouble(&s->jobs, "tell the number of the last job", &err);
    for (size_t i = 0; i < s->jobs.repos.n && err.code == ERR_NONE; i++)
        if (wants(s, s->jobs.repos.items[i]))
            bring(s, s->jobs.repos.items[i], next - 1);
    if (s->copies.waiting == 0)
        end_round(s);
}

/* ---- beside the catalog ---- */

static void begin(struct scheduler *s)
{
    struct copies *c = &s->copies;
    struct err err = ERR_INIT;

    if (!anybody_wants(s))
        return;
    c->began_ms = env_elapsed_ms(&s->jobs);
    c->path = xasprintf("%s.copy", catalog_path(s->env.catalog));
    if (catalog_copy_start(s->env.catalog, c->path, &c->going, &err) < 0)
        give_up(s, &err);
}

void copies_step(void *ctx)
{
    struct scheduler *s = ctx;
    struct copies *c = &s->copies;
    struct err err = ERR_INIT;
    bool done = false;

    if (!c->going)
        begin(s);
    if (!c->going)
        return;
    c->changes = catalog_changes(s->env.catalog); /* what was written so far is in it */
    if (catalog_copy_step(c->going, STEP_PAGES, &done, &err) < 0) {
        give_up(s, &err);
    } else if (!done) {
        s->env.clock->ops->after(s->env.clock, &c->alarm, 0);
    } else {
        catalog_copy_free(c->going);
        c->going = NULL;
        bring_all(s);
    }
}

void copies_free(struct scheduler *s)
{
    s->env.clock->ops->stop(s->env.clock, &s->copies.alarm);
    catalog_copy_free(s->copies.going);
    if (s->copies.path)
        unlink(s->copies.path);
    free(s->copies.path);
}

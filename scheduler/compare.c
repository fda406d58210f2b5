/* SPDX-License-Identifier: MIT
 *
 * The catalog held against the repositories: does it know what it should?
 *
 * One that was put back to an older state lacks the points that were made since; one that was lost
 * lacks them all.  (Of numbers of jobs: numbers.c.)  What a look finds that the catalog does
 * not know is said once in the log, and in `status` and `doctor` until it is known.  Meanwhile
 *
 * - of a domain with such points nothing is let go, for the rules would judge without them, nor
 *   before it is known whether there are any;
 * - bitmaps that such points go by stay;
 * - no copy of the catalog goes where a better one may lie (copies.c).
 */
#include "scheduler/compare.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mark.h"
#include "base/text.h"
#include "scheduler/copies.h"
#include "scheduler/core.h"
#include "scheduler/lacks.h"
#include "scheduler/numbers.h"
#include "scheduler/settling.h"
#include "scheduler/unfinished.h"

static bool is_being_made(const struct scheduler *s, const char *id)
{
    for (size_t i = 0; i < s->jobs.runs.n; i++)
        if (str_eq(s->jobs.runs.items[i]->row.plan.id, id))
            return true;
    return false;
}

/* What was published while the look went on, or is about to be recorded, is known. */
static void leave_out_known(struct repo *r)
{
    const struct point_filter of = {.repository = r->name};
    struct point_list known = {0};
    struct err ignored = ERR_INIT; /* more is said to be unknown then */
    size_t n = 0;

    if (r->watch->unknown.points.n == 0)
        return;
    catalog_points(r->env->catalog, &of, &known, &ignored);
    for (size_t i = 0; i < r->watch->unknown.points.n; i++) {
        struct unknown_point *p = &r->watch->unknown.points.items[i];

        if (point_list_find(&known, p->id) || is_being_made(scheduler_of(r->env), p->id))
            unknown_point_done(p);
        else
            r->watch->unknown.points.items[n++] = *p;
    }
    r->watch->unknown.points.n = n;
    point_list_done(&known);
}

/* The prunes that were to be finished after the start have waited for this, and so have backups
 * that found the repository there before us. */
static void note_compared(struct repo *r)
{
    bool first = !r->compared;

    r->compared = true;
    r->gave_way = 0;
    if (first && scheduler_of(r->env)->settled)
        unfinished_prune(scheduler_of(r->env));
    for (size_t i = 0; first && i < scheduler_of(r->env)->jobs.runs.n; i++) {
        struct job_run *run = scheduler_of(r->env)->jobs.runs.items[i];

        if (run->admitted && run->repo == r && !run->ending &&
            (job_step_of(run)->flags & JOB_UNTIL_COMPARED))
            job_wake(run);
    }
}

static void cannot_examine(struct repo *r, const struct err *err)
{
    MARK("whose points are there cannot be found out");
    free(r->watch->unexamined);
    r->watch->unexamined = xstrdup(err->msg);
    lacks_say(r);
}

static void on_examined(void *ctx, const struct err *err)
{
    struct repo *r = ctx;
    struct scheduler *s = scheduler_of(r->env);

    if (s->jobs.dead)
        return;
    r->watch->examining = NULL;
    if (err) {
        unknown_done(&r->watch->examined);
        cannot_examine(r, err);
    } else {
        free(TAKE_PTR(r->watch->unexamined));
        unknown_done(&r->watch->unknown);
        r->watch->unknown = r->watch->examined;
        r->watch->examined = (struct unknown){0};
        leave_out_known(r);
        numbers_saw_copy(r, r->watch->unknown.last_job);
        note_compared(r);
        lacks_say(r);
    }
    copies_consider(s);
    settle_if_seen(s);
    repo_release(r);
}

/* Points of a disk that is away are not lacking in the one that took its place. */
static size_t count_missing(const struct repo *r, const struct survey *found)
{
    const struct point_filter of = {.repository = r->name};
    struct point_list known = {0};
    struct err ignored = ERR_INIT; /* more is said to be missing then */
    bool is_known = true;
    size_t n = 0;

    if (found->losses.n > 0)
        is_known = catalog_points(r->env->catalog, &of, &known, &ignored) == 0;
    for (size_t i = 0; i < found->losses.n; i++) {
        const struct survey_loss *loss = &found->losses.items[i];
        const struct point *p = point_list_find(&known, loss->id);

        /* One that is not known any more was merged into another, or is just going to be. */
        n += loss->state == POINT_MISSING &&
             (p ? p->state != POINT_DELETING && !survey_is_elsewhere(r, p) : !is_known);
    }
    point_list_done(&known);
    return n;
}

void compare_repo(struct repo *r, const struct survey *found)
{
    struct scheduler *s = scheduler_of(r->env);
    const struct unknown_asker asker = {catalog_id(s->env.catalog), catalog_path(s->env.catalog)};
    struct err err = ERR_INIT;

    numbers_saw_points(r, found);
    r->watch->n_missing = count_missing(r, found);
    if (r->watch->examining)
        return;
    r->watch->examining = r->store->ops->examine(r->store, &asker, &found->unknown,
                                                 &r->watch->examined, on_examined, r, &err);
    if (r->watch->examining)
        repo_hold(r);
    else
        cannot_examine(r, &err);
}

/* SPDX-License-Identifier: MIT */
#include "policies/copying.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/plan_priv.h"

struct planning {
    const struct copying_rules *r;
    const struct point_list *points, *copies;
    bool *planned; /* one a point */
    struct copy_step_list *steps;
};

static bool is_usable(const struct point *p)
{
    return p->state == POINT_GOOD && !p->set_aside;
}

static const struct point *parent_of(const struct planning *g, const struct point *p)
{
    return p->parent ? point_list_find(g->points, p->parent) : NULL;
}

/* It and all that it stands on. */
static bool is_sound(const struct planning *g, const struct point *p)
{
    for (size_t steps = 0; steps <= g->points->n; steps++) {
        if (!is_usable(p))
            return false;
        if (!p->parent)
            return true;
        p = parent_of(g, p);
        if (!p)
            return false;
    }
    return false;
}

static const struct point *copy_of(const struct planning *g, const char *id)
{
    for (size_t i = 0; i < g->copies->n; i++)
        if (is_usable(&g->copies->items[i]) && str_eq(g->copies->items[i].copy_of, id))
            return &g->copies->items[i];
    return NULL;
}

/* ---- which are wanted ---- */

/* As a date alone: what stands on what is another matter. */
static void add_date(struct point_list *l, const struct point *p)
{
    struct point *d = VEC_ADD(l);

    *d = *p; /* borrows what it points at */
    d->parent = NULL;
    d->level = LEVEL_FULL;
    d->disks.n = 0;
}

static void find_wanted(const struct planning *g, bool *ret)
{
    CLEANUP_FREE size_t *place = xcalloc(g->points->n + 1, sizeof(*place));
    CLEANUP_FREE bool *whole = NULL;
    struct retention_verdict *verdicts = NULL;
    struct point_list dates = {0};
    size_t first;

    for (size_t i = 0; i < g->copies->n; i++)
        if (is_usable(&g->copies->items[i]))
            add_date(&dates, &g->copies->items[i]);
    first = dates.n;
    for (size_t i = 0; i < g->points->n; i++) {
        const struct point *p = &g->points->items[i];

        if (!is_sound(g, p) || copy_of(g, p->id))
            continue;
        place[dates.n - first] = i;
        add_date(&dates, p);
    }
    whole = xcalloc(dates.n + 1, sizeof(*whole));
    for (size_t i = 0; i < dates.n; i++)
        whole[i] = true;
    retention_plan(g->r->keep, g->r->zone, &dates, whole, g->r->now, &verdicts);
    for (size_t i = first; i < dates.n; i++)
        ret[place[i - first]] = verdicts[i].keep;
    retention_verdicts_free(verdicts, dates.n);
    free(dates.items);
}

/* ---- what they stand on ---- */

/* The copy of its parent; where that is not there, the newest of those that were made between the
 * two and have been merged away since: what has changed since then is in p's images, too. */
static const struct point *base_there(const struct planning *g, const struct point *p)
{
    const struct point *parent = parent_of(g, p), *ret = parent ? copy_of(g, parent->id) : NULL;

    for (size_t i = 0; i < g->copies->n && parent && !ret; i++) {
        const struct point *c = &g->copies->items[g->copies->n - 1 - i];

        if (is_usable(c) && c->created >= parent->created && c->created < p->created &&
            !point_list_find(g->points, c->copy_of))
            ret = c;
    }
    return ret;
}

static const struct point *base_planned(const struct planning *g, const struct point *p)
{
    const struct point *parent = parent_of(g, p);

    return parent && g->planned[parent - g->points->items] ? parent : NULL;
}

static bool has_base(const struct planning *g, const struct point *p)
{
    return base_planned(g, p) || base_there(g, p);
}

/* Of one disk, with all that it stands on. */
static uint64_t whole_disk(const struct planning *g, const struct point *p,
                           const struct point_disk *d)
{
    const char *name = d->name;
    uint64_t sum = d->bytes, most = d->capacity;

    for (size_t steps = 0; d && d->backing && steps < g->points->n; steps++) {
        p = point_list_find(g->points, d->backing);
        d = p ? point_find_disk(p, name) : NULL;
        sum += d ? d->bytes : 0;
    }
    return sum < most ? sum : most;
}

bool copying_disk_stands_on(const struct point_disk *d, const struct point *below)
{
    return d->backing && below && point_find_disk(below, d->name);
}

static void add_step(const struct planning *g, const struct point *p, bool carried)
{
    struct copy_step s = {.of = p, .after = base_planned(g, p), .carried = carried};

    if (!s.after)
        s.on = base_there(g, p);
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];

        s.bytes +=
            copying_disk_stands_on(d, s.after ? s.after : s.on) ? d->bytes : whole_disk(g, p, d);
    }
    g->planned[p - g->points->items] = true;
    *VEC_ADD(g->steps) = s;
}

/* What lies between it and something that is there comes first, oldest first: that is no more than
 * what has changed.  Where nothing is there, it comes as a full. */
static void add_wanted(const struct planning *g, const struct point *p)
{
    CLEANUP_FREE const struct point **between = xcalloc(g->points->n + 1, sizeof(*between));
    const struct point *at = p;
    size_t n = 0;

    while (at->parent && !has_base(g, at)) {
        at = parent_of(g, at);
        between[n++] = at;
    }
    if (at->parent) /* something that is there was found */
        while (n > 0)
            add_step(g, between[--n], true);
    add_step(g, p, false);
}

void copying_plan(const struct copying_rules *r, const struct point_list *points,
                  const struct point_list *copies, struct copy_step_list *ret)
{
    CLEANUP_FREE bool *wanted = xcalloc(points->n + 1, sizeof(*wanted));
    CLEANUP_FREE bool *planned = xcalloc(points->n + 1, sizeof(*planned));
    const struct planning g = {r, points, copies, planned, ret};

    find_wanted(&g, wanted);
    for (size_t i = 0; i < points->n; i++)
        if (wanted[i] && !planned[i])
            add_wanted(&g, &points->items[i]);
}

/* ---- when ---- */

int64_t copying_next(const struct calspec_list *schedule, const struct zone *zone, int64_t t)
{
    int64_t ret;

    return plan_elapse(schedule, zone, t, &ret) ? ret : 0;
}

int64_t copying_due_time(const struct copy_step_list *steps, const struct calspec_list *schedule,
                         const struct zone *zone)
{
    int64_t oldest = 0;

    for (size_t i = 0; i < steps->n; i++)
        if (!steps->items[i].carried && (!oldest || steps->items[i].of->created < oldest))
            oldest = steps->items[i].of->created;
    if (!oldest || schedule->n == 0)
        return oldest;
    return copying_next(schedule, zone, oldest);
}

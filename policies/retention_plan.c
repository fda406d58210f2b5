/* SPDX-License-Identifier: MIT
 *
 * What retention makes of restore points, beyond what the rules say of their times: the state of
 * each, whether its date can be right, the newest good one, and what stands on what.
 *
 * First the points are found that count: good, rightly dated, seen whole, on whole ones.  The rules
 * see no others, so nothing is let go for the sake of a point that may not be there.  Then it goes
 * from each point that is kept for its own sake down through everything it stands on, newest first,
 * so a base is said to be held by the newest point that needs it.
 */
#include "policies/retention_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "policies/point_index.h"

#define ASIDE_KEPT (INT64_C(30) * 86400)

/* The points of one retention_plan, and what is known of them so far. */
struct chains {
    const struct retention *rules;
    const struct zone *zone;
    const struct point_list *points;
    struct point_index index;
    const bool *whole; /* NULL: none was looked at */
    int64_t now;
    struct date_verdict *dates;
    struct retention_verdict *verdicts;
    struct retention_entry *all, *counted; /* newest first */
    size_t n_counted;
    bool *broken; /* it stands on one that is damaged or missing */
    bool *seen;   /* what this one stands on has been walked */
    VEC(size_t) to_walk;
    const char *holder; /* the id that the walk began with */
};

static bool is_lost(const struct chains *c, const char *id)
{
    const struct point *base = point_index_find(&c->index, id);

    return base && (base->state == POINT_DAMAGED || base->state == POINT_MISSING ||
                    c->broken[base - c->points->items]);
}

/* Oldest first, one pass is enough, unless a clock was wrong. */
static void find_broken(struct chains *c)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = c->points->n; i-- > 0;) {
            size_t place = c->all[i].place;
            const struct point *p = &c->points->items[place];
            bool lost = is_lost(c, p->parent);

            for (size_t k = 0; k < p->disks.n && !lost; k++)
                lost = is_lost(c, p->disks.items[k].backing);
            more = more || (lost && !c->broken[place]);
            c->broken[place] = c->broken[place] || lost;
        }
    }
}

static bool counts(const struct chains *c, size_t place)
{
    return c->points->items[place].state == POINT_GOOD && c->dates[place].fault == DATE_RIGHT &&
           !c->broken[place] && c->whole && c->whole[place] && c->now >= DATE_FIRST;
}

static void judge_aside(struct chains *c, size_t place)
{
    const struct date_verdict *date = &c->dates[place];
    struct retention_verdict *v = &c->verdicts[place];
    int64_t created = c->points->items[place].created, until;
    const char *fault = date_fault_text(date->fault);
    struct wall w;

    v->keep = true;
    if (date->next == INT64_MAX || !retention_is_set(c->rules)) {
        retention_reason(v, "set-aside", "set aside: %s", fault);
        return;
    }
    until = (created > date->next ? created : date->next) + ASIDE_KEPT;
    if (c->now > until && c->n_counted > 0) {
        v->keep = false;
        retention_reason(v, "set-aside", "set aside: %s, and 30 days are over", fault);
        return;
    }
    zone_wall(c->zone, until, &w);
    retention_reason(v, "set-aside", "set aside: %s; kept until %04d-%02d-%02d", fault, w.year,
                     w.month, w.day);
}

/* One that no rule sees. */
static void judge_apart(struct chains *c, size_t place)
{
    struct retention_verdict *v = &c->verdicts[place];

    v->keep = c->points->items[place].state != POINT_DELETING;
    switch (c->points->items[place].state) {
    case POINT_DAMAGED:
        retention_reason(v, "damaged", "damaged: left for you to decide");
        break;
    case POINT_MISSING:
        retention_reason(v, "missing", "missing: its files may come back");
        break;
    case POINT_DELETING:
        retention_reason(v, "deleting", "already let go");
        break;
    case POINT_GOOD:
        if (c->now < DATE_FIRST)
            retention_reason(v, "clock", "the clock is not set: nothing is let go");
        else if (c->dates[place].fault != DATE_RIGHT)
            judge_aside(c, place);
        else if (c->broken[place])
            retention_reason(v, "broken-chain", "it stands on a point that is damaged or missing");
        else
            retention_reason(v, "not-seen", "it was not seen whole now: it counts for no rule");
        break;
    }
}

/* The point of that id is stood on by the one that the walk is at. */
static void hold(struct chains *c, const char *id)
{
    const struct point *base = point_index_find(&c->index, id);
    struct retention_verdict *v;
    size_t place;

    if (!base)
        return;
    place = (size_t)(base - c->points->items);
    v = &c->verdicts[place];
    if (!v->keep && base->state != POINT_DELETING) {
        v->keep = true;
        v->held = true;
        retention_reason(v, "needed", "%s stands on it", c->holder);
    }
    if (!c->seen[place]) {
        c->seen[place] = true;
        *VEC_ADD(&c->to_walk) = place;
    }
}

/* Holds everything that the point stands on, directly or not. */
static void hold_all_below(struct chains *c, size_t place)
{
    c->holder = c->points->items[place].id;
    c->seen[place] = true;
    *VEC_ADD(&c->to_walk) = place;
    while (c->to_walk.n > 0) {
        const struct point *p = &c->points->items[c->to_walk.items[--c->to_walk.n]];

        hold(c, p->parent);
        for (size_t i = 0; i < p->disks.n; i++)
            hold(c, p->disks.items[i].backing);
    }
}

/* Until an end that is no midnight it is told with the minute. */
static void keep_pinned(struct chains *c, size_t place)
{
    const struct point_pin *pin = &c->points->items[place].pin;
    struct retention_verdict *v = &c->verdicts[place];
    CLEANUP_FREE char *until = NULL, *text = NULL;
    struct wall w;

    if (c->points->items[place].state == POINT_DELETING || !pin_holds(pin, c->now))
        return;
    zone_wall(c->zone, pin->until, &w);
    until = w.hour || w.minute || w.second
                ? xasprintf("%04d-%02d-%02d %02d:%02d", w.year, w.month, w.day, w.hour, w.minute)
                : xasprintf("%04d-%02d-%02d", w.year, w.month, w.day);
    text = pin_text(pin, until);
    v->keep = true;
    retention_reason(v, "pinned", "%s", text);
}

/* Beyond the rules: what is pinned, the newest good point, and all that a kept one stands on.  Each
 * rule there is keeps the newest point; the promise does not lean on that. */
static void keep_promises(struct chains *c)
{
    struct retention_verdict *newest = c->n_counted > 0 ? &c->verdicts[c->counted[0].place] : NULL;

    for (size_t i = 0; i < c->points->n; i++)
        keep_pinned(c, i);
    if (newest && !newest->keep) {
        newest->keep = true;
        retention_reason(newest, "newest", "newest good point");
    }
    for (size_t i = 0; i < c->points->n; i++)
        if (c->verdicts[c->all[i].place].keep && !c->seen[c->all[i].place])
            hold_all_below(c, c->all[i].place);
}

static void judge_all(struct chains *c)
{
    size_t n = c->points->n;

    for (size_t i = 0; i < n; i++)
        c->all[i] =
            (struct retention_entry){c->points->items[i].created, i, c->points->items[i].job};
    qsort(c->all, n, sizeof(*c->all), retention_entry_order);
    points_date(c->points, c->now, c->dates);
    find_broken(c);
    for (size_t i = 0; i < n; i++)
        if (counts(c, c->all[i].place))
            c->counted[c->n_counted++] = c->all[i];
    for (size_t i = 0; i < n; i++) {
        c->verdicts[i].sound = counts(c, i);
        c->verdicts[i].whole_below = !c->broken[i];
        if (!c->verdicts[i].sound)
            judge_apart(c, i);
    }
    retention_judge(c->rules, c->zone, c->counted, c->n_counted, c->verdicts);
    keep_promises(c);
    retention_finish(c->verdicts, n);
}

void retention_plan(const struct retention *r, const struct zone *zone,
                    const struct point_list *points, const bool *whole, int64_t now,
                    struct retention_verdict **ret)
{
    size_t n = points->n;
    struct chains c = {
        .rules = r,
        .zone = zone,
        .points = points,
        .whole = whole,
        .now = now,
        .dates = xcalloc(n, sizeof(*c.dates)),
        .verdicts = xcalloc(n, sizeof(*c.verdicts)),
        .all = xcalloc(n, sizeof(*c.all)),
        .counted = xcalloc(n, sizeof(*c.counted)),
        .broken = xcalloc(n, sizeof(*c.broken)),
        .seen = xcalloc(n, sizeof(*c.seen)),
    };

    point_index_init(&c.index, points);
    judge_all(&c);
    point_index_done(&c.index);
    *ret = c.verdicts;
    free(c.dates);
    free(c.all);
    free(c.counted);
    free(c.broken);
    free(c.seen);
    free(c.to_walk.items);
}

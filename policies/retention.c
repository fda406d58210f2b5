/* SPDX-License-Identifier: MIT
 *
 * The algorithm: one walk over the times, newest first, with one `struct rule` for each rule that
 * is set.  A rule remembers the period of the last time that it kept and how many it may still
 * keep; a time whose period differs is the newest of a new period.  Rules do not see one another.
 *
 * A period is its own text ("2026-11-23", "2026-W48"): what is compared is what people read.
 *
 * retention_plan adds what a bare list of times does not know: the state of each point, the newest
 * good one, and what stands on what.  It goes from each point that is kept for its own sake down
 * through everything it stands on, newest first, so a base is said to be held by the newest point
 * that needs it.
 */
#include "policies/retention.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define PERIOD_TEXT_MAX 32

/* strftime formats, so that a period's text is the same exactly within the period. */
static const char *const period_formats[PERIOD_COUNT] = {
    [PERIOD_HOURLY] = "%Y-%m-%d %Hh", [PERIOD_DAILY] = "%Y-%m-%d", [PERIOD_WEEKLY] = "%G-W%V",
    [PERIOD_MONTHLY] = "%Y-%m",       [PERIOD_YEARLY] = "%Y",
};

struct rule {
    enum retention_period period;
    char *name;                 /* "daily"; of rules without periods the whole reason: "last 3" */
    char *within;               /* " within 7d", behind the period; "" for a count */
    int left;                   /* how many more it may keep; -1: no end */
    int64_t after;              /* only times later than this */
    bool oldest;                /* keeps the oldest too while any is left */
    char last[PERIOD_TEXT_MAX]; /* the period of the last one kept; "": none yet */
};

struct rules {
    struct rule items[2 * PERIOD_COUNT];
    size_t n;
};

static struct tm wall_tm(const struct wall *w)
{
    return (struct tm){.tm_year = w->year - 1900,
                       .tm_mon = w->month - 1,
                       .tm_mday = w->day,
                       .tm_hour = w->hour,
                       .tm_min = w->minute,
                       .tm_sec = w->second};
}

static void period_text(enum retention_period period, const struct zone *zone, int64_t t,
                        char buf[PERIOD_TEXT_MAX])
{
    struct wall w;
    struct tm tm;

    zone_wall(zone, t, &w);
    tm = wall_tm(&w);
    timegm(&tm); /* fills in the days of the week and of the year */
    if (strftime(buf, PERIOD_TEXT_MAX, period_formats[period], &tm) == 0)
        snprintf(buf, PERIOD_TEXT_MAX, "@%lld", (long long)t);
}

/* t less the span: years, months and days by the calendar (a month before 31 March is "31
 * February", so 3 March, or 2 March in a leap year), hours by the clock. */
static int64_t before(const struct zone *zone, int64_t t, const struct span *span)
{
    struct wall w;
    struct tm tm;

    zone_wall(zone, t, &w);
    tm = wall_tm(&w);
    tm.tm_year -= span->years;
    tm.tm_mon -= span->months;
    tm.tm_mday -= span->days;
    timegm(&tm);
    if (tm.tm_year + 1900 < 1)
        return INT64_MIN; /* before the calendar: nothing lies before that */
    w = (struct wall){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                      tm.tm_hour,        tm.tm_min,     tm.tm_sec};
    /* A wall-clock time that comes twice would lose its hour on the way there and back. */
    if (span->years || span->months || span->days)
        t = zone_instant(zone, &w, NULL);
    return t - (int64_t)span->hours * 3600;
}

static void add_count(struct rules *rules, const struct retention *r, enum retention_period p)
{
    struct rule *rule = &rules->items[rules->n];
    const char *name = retention_rule_name(p, false);

    if (r->count[p] == 0)
        return;
    rules->n++;
    *rule = (struct rule){.period = p,
                          .within = xstrdup(""),
                          .left = r->count[p],
                          .after = INT64_MIN,
                          .oldest = true};
    if (p != PERIOD_ALL)
        rule->name = xstrdup(name);
    else if (r->count[p] < 0)
        rule->name = xasprintf("%s: all", name);
    else
        rule->name = xasprintf("%s %d", name, r->count[p]);
}

/* newest: NULL when there is none to count back from. */
static void add_within(struct rules *rules, const struct retention *r, enum retention_period p,
                       const struct zone *zone, const int64_t *newest)
{
    struct rule *rule = &rules->items[rules->n];
    CLEANUP_FREE char *span = NULL;

    if (!span_is_set(&r->within[p]))
        return;
    rules->n++;
    span = span_format(&r->within[p]);
    *rule = (struct rule){.period = p,
                          .left = -1,
                          .after = newest ? before(zone, *newest, &r->within[p]) : INT64_MIN};
    if (p == PERIOD_ALL) {
        rule->name = xasprintf("within %s", span);
        rule->within = xstrdup("");
    } else {
        rule->name = xstrdup(retention_rule_name(p, false));
        rule->within = xasprintf(" within %s", span);
    }
}

/* In the order in which their reasons are told: within, the counts, within-hourly and so on. */
static void rules_init(struct rules *rules, const struct retention *r, const struct zone *zone,
                       const int64_t *newest)
{
    rules->n = 0;
    add_within(rules, r, PERIOD_ALL, zone, newest);
    for (enum retention_period p = PERIOD_ALL; p < PERIOD_COUNT; p++)
        add_count(rules, r, p);
    for (enum retention_period p = PERIOD_HOURLY; p < PERIOD_COUNT; p++)
        add_within(rules, r, p, zone, newest);
}

static void rules_done(struct rules *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        free(rules->items[i].name);
        free(rules->items[i].within);
    }
}

__attribute__((format(printf, 2, 3))) static void add_reason(struct retention_verdict *v,
                                                             const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    strlist_add(&v->why, text);
}

/* Asks a rule about the next older time. is_oldest: there is none older than this. */
static void rule_ask(struct rule *rule, const struct zone *zone, int64_t t, bool is_oldest,
                     struct retention_verdict *v)
{
    char period[PERIOD_TEXT_MAX] = "";
    bool same = false;

    if (rule->left == 0 || t <= rule->after)
        return;
    if (rule->period != PERIOD_ALL) {
        period_text(rule->period, zone, t, period);
        same = strcmp(period, rule->last) == 0;
    }
    if (same && !(is_oldest && rule->oldest))
        return;
    v->keep = true;
    if (same)
        add_reason(v, "oldest %s", rule->name);
    else if (rule->period != PERIOD_ALL)
        add_reason(v, "%s (%s)%s", rule->name, period, rule->within);
    else
        add_reason(v, "%s", rule->name);
    memcpy(rule->last, period, sizeof(period));
    if (rule->left > 0)
        rule->left--;
}

/* A time and its place in the caller's order. */
struct entry {
    int64_t t;
    size_t place;
};

/* Newest first; equal times in the caller's order. */
static int entry_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->t != y->t)
        return x->t > y->t ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* What the rules say of the entries, newest first; verdicts in the caller's order. */
static void judge(const struct retention *r, const struct zone *zone, const struct entry *entries,
                  size_t n, int64_t now, struct retention_verdict *verdicts)
{
    const int64_t *newest = NULL;
    struct rules rules;

    for (size_t i = 0; i < n && !newest; i++)
        if (entries[i].t <= now)
            newest = &entries[i].t;
    rules_init(&rules, r, zone, newest);
    for (size_t i = 0; i < n; i++) {
        struct retention_verdict *v = &verdicts[entries[i].place];

        for (size_t k = 0; k < rules.n; k++)
            rule_ask(&rules.items[k], zone, entries[i].t, i == n - 1, v);
        if (!retention_is_set(r)) {
            v->keep = true;
            add_reason(v, "no rules: everything is kept");
        }
    }
    rules_done(&rules);
}

/* The last step of every verdict: one that nothing has kept says so, and the reasons become text.
 */
static void finish(struct retention_verdict *verdicts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct retention_verdict *v = &verdicts[i];

        if (v->why.n == 0)
            add_reason(v, "no rule keeps it");
        for (size_t k = 0; k < v->why.n; k++) {
            char *old = v->reasons;

            v->reasons = xasprintf("%s%s%s", old ? old : "", old ? ", " : "", v->why.items[k]);
            free(old);
        }
    }
}

void retention_apply(const struct retention *r, const struct zone *zone, const int64_t *times,
                     size_t n, int64_t now, struct retention_verdict **ret)
{
    CLEANUP_FREE struct entry *entries = xcalloc(n, sizeof(*entries));
    struct retention_verdict *verdicts = xcalloc(n, sizeof(*verdicts));

    for (size_t i = 0; i < n; i++)
        entries[i] = (struct entry){times[i], i};
    qsort(entries, n, sizeof(*entries), entry_order);
    judge(r, zone, entries, n, now, verdicts);
    finish(verdicts, n);
    *ret = verdicts;
}

/* The points of one retention_plan, and what is known of them so far. */
struct chains {
    const struct point_list *points;
    struct retention_verdict *verdicts;
    bool *seen; /* what this one stands on has been walked */
    VEC(size_t) to_walk;
    const char *holder; /* the id that the walk began with */
};

/* The point of that id is stood on by the one that the walk is at. */
static void hold(struct chains *c, const char *id)
{
    const struct point *base = point_list_find(c->points, id);
    struct retention_verdict *v;
    size_t place;

    if (!base)
        return;
    place = (size_t)(base - c->points->items);
    v = &c->verdicts[place];
    if (!v->keep && base->state != POINT_DELETING) {
        v->keep = true;
        v->held = true;
        add_reason(v, "%s stands on it", c->holder);
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

/* Beyond the rules: the newest good point, and all that a kept one stands on. entries: all points,
 * newest first.  Each rule there is keeps the newest point; the promise does not lean on that. */
static void keep_promises(const struct point_list *points, const struct entry *entries,
                          struct retention_verdict *verdicts)
{
    struct chains c = {
        .points = points, .verdicts = verdicts, .seen = xcalloc(points->n, sizeof(*c.seen))};

    for (size_t i = 0; i < points->n; i++) {
        struct retention_verdict *v = &verdicts[entries[i].place];

        if (points->items[entries[i].place].state != POINT_GOOD)
            continue;
        if (!v->keep)
            add_reason(v, "newest good point");
        v->keep = true;
        break;
    }
    for (size_t i = 0; i < points->n; i++)
        if (verdicts[entries[i].place].keep && !c.seen[entries[i].place])
            hold_all_below(&c, entries[i].place);
    free(c.to_walk.items);
    free(c.seen);
}

void retention_plan(const struct retention *r, const struct zone *zone,
                    const struct point_list *points, int64_t now, struct retention_verdict **ret)
{
    CLEANUP_FREE struct entry *all = xcalloc(points->n, sizeof(*all));
    CLEANUP_FREE struct entry *good = xcalloc(points->n, sizeof(*good));
    struct retention_verdict *verdicts = xcalloc(points->n, sizeof(*verdicts));
    size_t n_good = 0;

    for (size_t i = 0; i < points->n; i++)
        all[i] = (struct entry){points->items[i].created, i};
    qsort(all, points->n, sizeof(*all), entry_order);
    for (size_t i = 0; i < points->n; i++) {
        struct retention_verdict *v = &verdicts[all[i].place];

        switch (points->items[all[i].place].state) {
        case POINT_GOOD:
            good[n_good++] = all[i];
            break;
        case POINT_DAMAGED:
            v->keep = true;
            add_reason(v, "damaged: left for you to decide");
            break;
        case POINT_MISSING:
            v->keep = true;
            add_reason(v, "missing: its files may come back");
            break;
        case POINT_DELETING:
            add_reason(v, "already let go");
            break;
        }
    }
    judge(r, zone, good, n_good, now, verdicts);
    keep_promises(points, all, verdicts);
    finish(verdicts, points->n);
    *ret = verdicts;
}

void retention_verdicts_free(struct retention_verdict *v, size_t n)
{
    for (size_t i = 0; v && i < n; i++) {
        free(v[i].reasons);
        strlist_done(&v[i].why);
    }
    free(v);
}

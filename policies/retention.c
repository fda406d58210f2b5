/* SPDX-License-Identifier: MIT
 *
 * The algorithm: one walk over the times, newest first, with one `struct rule` for each rule that
 * is set.  A rule remembers the period of the last time that it kept and how many it may still
 * keep; a time whose period differs is the newest of a new period.  Rules do not see one another.
 *
 * A period is its own text ("2026-11-23", "2026-W48"): what is compared is what people read.
 */
#include "policies/retention_priv.h"

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
    const char *code;           /* as the configuration names it */
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
                          .code = name,
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
                          .code = retention_rule_name(p, true),
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

void retention_reason(struct retention_verdict *v, const char *code, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    strlist_add(&v->why, text);
    strlist_add(&v->codes, code);
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
        retention_reason(v, "oldest", "oldest %s", rule->name);
    else if (rule->period != PERIOD_ALL)
        retention_reason(v, rule->code, "%s (%s)%s", rule->name, period, rule->within);
    else
        retention_reason(v, rule->code, "%s", rule->name);
    memcpy(rule->last, period, sizeof(period));
    if (rule->left > 0)
        rule->left--;
}

int retention_entry_order(const void *a, const void *b)
{
    const struct retention_entry *x = a, *y = b;

    if (x->t != y->t)
        return x->t > y->t ? -1 : 1;
    if (x->made != y->made)
        return x->made > y->made ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void retention_judge(const struct retention *r, const struct zone *zone,
                     const struct retention_entry *entries, size_t n,
                     struct retention_verdict *verdicts)
{
    struct rules rules;

    rules_init(&rules, r, zone, n > 0 ? &entries[0].t : NULL);
    for (size_t i = 0; i < n; i++) {
        struct retention_verdict *v = &verdicts[entries[i].place];

        for (size_t k = 0; k < rules.n; k++)
            rule_ask(&rules.items[k], zone, entries[i].t, i == n - 1, v);
        if (!retention_is_set(r)) {
            v->keep = true;
            retention_reason(v, "no-rules", "no rules: everything is kept");
        }
    }
    rules_done(&rules);
}

void retention_finish(struct retention_verdict *verdicts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct retention_verdict *v = &verdicts[i];

        if (v->why.n == 0)
            retention_reason(v, "no-rule", "no rule keeps it");
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
    CLEANUP_FREE struct retention_entry *entries = xcalloc(n, sizeof(*entries));
    struct retention_verdict *verdicts = xcalloc(n, sizeof(*verdicts));
    size_t n_entries = 0;

    for (size_t i = 0; i < n; i++) {
        if (times[i] > now + DATE_SLACK && retention_is_set(r)) {
            verdicts[i].keep = true;
            retention_reason(&verdicts[i], "set-aside", "set aside: %s",
                             date_fault_text(DATE_AHEAD));
        } else {
            entries[n_entries++] = (struct retention_entry){.t = times[i], .place = i};
        }
    }
    qsort(entries, n_entries, sizeof(*entries), retention_entry_order);
    retention_judge(r, zone, entries, n_entries, verdicts);
    retention_finish(verdicts, n);
    *ret = verdicts;
}

void retention_verdicts_free(struct retention_verdict *v, size_t n)
{
    for (size_t i = 0; v && i < n; i++) {
        free(v[i].reasons);
        strlist_done(&v[i].why);
        strlist_done(&v[i].codes);
    }
    free(v);
}

/* SPDX-License-Identifier: MIT */
#include "policies/preview.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "policies/due.h"
#include "policies/plan.h"
#include "policies/retention.h"

void preview_done(struct preview *p)
{
    for (size_t i = 0; i < p->spans.n; i++)
        free(p->spans.items[i].kept.items);
    free(p->spans.items);
    *p = (struct preview){0};
}

/* Those that make points: the first so many. */
static size_t keep_backups(struct dues *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].kind == DUE_FULL || l->items[i].kind == DUE_INCREMENTAL)
            l->items[n++] = l->items[i];
    return n;
}

/* What there is, from one span's end to the next. */
struct life {
    const struct config_policy *p;
    const struct zone *zone;
    VEC(struct preview_point) have; /* oldest first */
    struct plan_since_full since;
    size_t made;
};

static bool is_full(const struct life *l, const struct due_time *run)
{
    char why[PLAN_WHY_MAX];

    return run->kind == DUE_FULL || l->made == 0 ||
           plan_full_after(&l->p->full_after, &l->since, run->at, why);
}

static void make_points(struct life *l, const struct due_time *runs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool full = is_full(l, &runs[i]);

        *VEC_ADD(&l->have) = (struct preview_point){runs[i].at, full};
        if (full)
            l->since = (struct plan_since_full){0, runs[i].at};
        else
            l->since.incrementals++;
        l->made++;
    }
}

/* What no rule keeps now none keeps later, so it need not be looked at again. */
static void let_go(struct life *l, int64_t now)
{
    CLEANUP_FREE int64_t *times = xcalloc(l->have.n ? l->have.n : 1, sizeof(*times));
    size_t n = l->have.n, kept = 0;
    struct retention_verdict *verdicts;

    for (size_t i = 0; i < n; i++)
        times[i] = l->have.items[i].at;
    retention_apply(&l->p->keep, l->zone, times, n, now, &verdicts);
    for (size_t i = 0; i < n; i++)
        if (verdicts[i].keep || i + 1 == n) /* the newest is never let go */
            l->have.items[kept++] = l->have.items[i];
    l->have.n = kept;
    if (kept > 0)
        l->have.items[0].full = true;
    retention_verdicts_free(verdicts, n);
}

static void add_span(const struct life *l, int64_t end, struct preview *ret)
{
    struct preview_span *span = VEC_ADD(&ret->spans);

    span->at = end;
    span->made = l->made;
    for (size_t i = 0; i < l->have.n; i++)
        *VEC_ADD(&span->kept) = l->have.items[i];
}

/* Up to the end, if there are no more runs than that. */
static bool live(struct life *l, int64_t from, int64_t end, size_t most)
{
    struct dues runs;
    size_t n;
    bool ret;

    due_between(l->p, l->zone, from, end, &runs);
    n = keep_backups(&runs);
    ret = !runs.cut && l->made + n <= most;
    if (ret) {
        make_points(l, runs.items, n);
        let_go(l, end);
    }
    free(runs.items);
    return ret;
}

void preview_make(const struct config_policy *p, const struct zone *zone, int64_t from,
                  const int64_t *ends, size_t n, size_t most, struct preview *ret)
{
    struct life l = {.p = p, .zone = zone};

    for (size_t i = 0; i < n && live(&l, from, ends[i], most); i++) {
        add_span(&l, ends[i], ret);
        from = ends[i];
    }
    free(l.have.items);
}

size_t preview_fulls(const struct preview_span *s)
{
    size_t ret = 0;

    for (size_t i = 0; i < s->kept.n; i++)
        ret += s->kept.items[i].full;
    return ret;
}

double preview_room(const struct preview_span *s, double change)
{
    double ret = 0;

    for (size_t i = 0; i < s->kept.n; i++) {
        const struct preview_point *p = &s->kept.items[i];
        double days = i > 0 ? (double)(p->at - p[-1].at) / 86400 : 0;

        ret += p->full ? 1 : 1 - pow(1 - change, days);
    }
    return ret;
}

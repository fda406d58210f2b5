/* SPDX-License-Identifier: MIT */
#include "policies/preview.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "policies/due.h"
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

static void add_span(const struct config_policy *p, const struct zone *zone,
                     const struct due_time *runs, size_t n, int64_t end, struct preview *ret)
{
    struct preview_span *span = VEC_ADD(&ret->spans);
    CLEANUP_FREE int64_t *times = xcalloc(n ? n : 1, sizeof(*times));
    struct retention_verdict *verdicts;

    span->at = end;
    for (size_t i = 0; i < n; i++)
        times[i] = runs[i].at;
    retention_apply(&p->keep, zone, times, n, end, &verdicts);
    for (size_t i = 0; i < n; i++)
        if (verdicts[i].keep || i + 1 == n) { /* the newest is never let go */
            bool full = runs[i].kind == DUE_FULL || span->kept.n == 0;

            *VEC_ADD(&span->kept) = (struct preview_point){runs[i].at, full};
        }
    retention_verdicts_free(verdicts, n);
}

void preview_make(const struct config_policy *p, const struct zone *zone, int64_t from,
                  const int64_t *ends, size_t n, struct preview *ret)
{
    struct dues runs = {0};
    size_t n_runs = 0, until = 0;

    /* A shorter time where there is too much of it: calendars that are cut end one by one. */
    for (; n > 0; n--) {
        due_between(p, zone, from, ends[n - 1], &runs);
        n_runs = keep_backups(&runs);
        if (!runs.cut && n_runs <= PREVIEW_RUNS)
            break;
        free(runs.items);
        runs = (struct dues){0};
    }
    for (size_t i = 0; i < n; i++) {
        while (until < n_runs && runs.items[until].at < ends[i])
            until++;
        add_span(p, zone, runs.items, until, ends[i], ret);
    }
    free(runs.items);
}

/* SPDX-License-Identifier: MIT
 *
 * The longest subsequence that does not fall, in n log n: for each time, from the first made to the
 * last, the longest one that ends with it is one longer than the longest that ends with a time of
 * not more than it (and the slack).  A tree of maxima over the sorted times answers that.  Then the
 * longest is followed from its end to its start; where several can come before, the latest is
 * taken.
 */
#include "policies/dates.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

const char *date_fault_text(enum date_fault f)
{
    switch (f) {
    case DATE_RIGHT:
        return "";
    case DATE_AHEAD:
        return "its date lies ahead of the clock";
    case DATE_UNSET:
        return "the clock was not set when it was made";
    case DATE_ORDER:
        return "its date does not fit between those made before and after it";
    }
    return "";
}

static int time_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* How many of the sorted times are at most t. */
static size_t rank_of(const int64_t *sorted, size_t n, int64_t t)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The greatest value put in at a rank of at most `rank` (ranks count from 1). */
static size_t tree_max(const size_t *tree, size_t rank)
{
    size_t ret = 0;

    for (; rank > 0; rank -= rank & -rank)
        ret = tree[rank] > ret ? tree[rank] : ret;
    return ret;
}

static void tree_put(size_t *tree, size_t n, size_t rank, size_t value)
{
    for (; rank <= n; rank += rank & -rank)
        tree[rank] = value > tree[rank] ? value : tree[rank];
}

/* The usual case, and the whole is the longest then. */
static bool never_falls(const int64_t *times, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (times[i] < times[i - 1])
            return false;
    return true;
}

/* Which of the times make the longest sequence that does not fall. */
static void longest(const int64_t *times, size_t n, bool *in)
{
    CLEANUP_FREE int64_t *sorted = xcalloc(n, sizeof(*sorted));
    CLEANUP_FREE size_t *tree = xcalloc(n + 1, sizeof(*tree));
    CLEANUP_FREE size_t *length = xcalloc(n, sizeof(*length)); /* of the longest that ends here */
    size_t left = 0;
    int64_t limit = INT64_MAX;

    memcpy(sorted, times, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), time_order);
    for (size_t i = 0; i < n; i++) {
        length[i] = 1 + tree_max(tree, rank_of(sorted, n, times[i] + DATE_SLACK));
        tree_put(tree, n, rank_of(sorted, n, times[i]), length[i]);
        left = length[i] > left ? length[i] : left;
    }
    for (size_t i = n; i-- > 0 && left > 0;) {
        if (length[i] != left || times[i] > limit)
            continue;
        in[i] = true;
        limit = times[i] + DATE_SLACK;
        left--;
    }
}

void dates_judge(const int64_t *times, size_t n, int64_t now, enum date_fault *ret)
{
    CLEANUP_FREE int64_t *rest = xcalloc(n, sizeof(*rest));
    CLEANUP_FREE bool *in = xcalloc(n, sizeof(*in));
    size_t n_rest = 0, k = 0;

    for (size_t i = 0; i < n; i++) {
        ret[i] = times[i] > now + DATE_SLACK                  ? DATE_AHEAD
                 : times[i] < DATE_FIRST && now >= DATE_FIRST ? DATE_UNSET
                                                              : DATE_RIGHT;
        if (ret[i] == DATE_RIGHT)
            rest[n_rest++] = times[i];
    }
    if (never_falls(rest, n_rest))
        memset(in, true, n_rest * sizeof(*in));
    else
        longest(rest, n_rest, in);
    for (size_t i = 0; i < n; i++)
        if (ret[i] == DATE_RIGHT && !in[k++])
            ret[i] = DATE_ORDER;
}

/* ---- points ---- */

/* One that is gone is no witness against those that are there. */
static bool has_order(const struct point *p)
{
    return p->job > 0 && p->state != POINT_MISSING;
}

static int compare(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Those that are held against one another. */
static int group_order(const struct point *a, const struct point *b)
{
    int rc = has_order(a) - has_order(b);

    rc = rc ? rc : compare(a->host, b->host);
    rc = rc ? rc : compare(a->domain, b->domain);
    rc = rc ? rc : compare(a->policy, b->policy);
    return rc ? rc : compare(a->catalog, b->catalog);
}

/* By group, then in order of making. */
static int making_order(const void *a, const void *b)
{
    const struct point *x = *(const struct point *const *)a, *y = *(const struct point *const *)b;
    int rc = group_order(x, y);

    return rc ? rc : (x->job > y->job) - (x->job < y->job);
}

/* As they mostly come out of the catalog. */
static bool is_in_order(const struct point *const *points, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (making_order(&points[i - 1], &points[i]) > 0)
            return false;
    return true;
}

/* Judges one group: n points in order of making. */
static void date_group(const struct point_list *points, const struct point *const *group, size_t n,
                       int64_t now, struct date_verdict *ret)
{
    CLEANUP_FREE int64_t *times = xcalloc(n, sizeof(*times));
    CLEANUP_FREE enum date_fault *faults = xcalloc(n, sizeof(*faults));
    bool ordered = has_order(group[0]);
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        times[i] = group[i]->created;
        if (!ordered)
            dates_judge(&times[i], 1, now, &faults[i]);
    }
    if (ordered)
        dates_judge(times, n, now, faults);
    for (size_t i = n; i-- > 0;) {
        ret[group[i] - points->items] = (struct date_verdict){faults[i], next};
        if (ordered && faults[i] == DATE_RIGHT)
            next = times[i];
    }
}

void points_date(const struct point_list *points, int64_t now, struct date_verdict *ret)
{
    CLEANUP_FREE const struct point **sorted = xcalloc(points->n, sizeof(struct point *));
    size_t first = 0;

    for (size_t i = 0; i < points->n; i++)
        sorted[i] = &points->items[i];
    if (!is_in_order(sorted, points->n))
        qsort(sorted, points->n, sizeof(struct point *), making_order);
    for (size_t i = 1; i <= points->n; i++) {
        if (i < points->n && group_order(sorted[first], sorted[i]) == 0)
            continue;
        date_group(points, &sorted[first], i - first, now, ret);
        first = i;
    }
}

void points_judge_dates(struct point_list *points, int64_t now)
{
    CLEANUP_FREE struct date_verdict *verdicts = xcalloc(points->n, sizeof(*verdicts));

    points_date(points, now, verdicts);
    for (size_t i = 0; i < points->n; i++)
        points->items[i].set_aside = verdicts[i].fault != DATE_RIGHT;
}

const struct point *points_last_made(const struct point_list *points, const char *policy,
                                     const char *catalog)
{
    const struct point *ret = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (p->state == POINT_GOOD && (!policy || str_eq(p->policy, policy)) &&
            (!ret || point_made_after(p, ret, catalog)))
            ret = p;
    }
    return ret;
}

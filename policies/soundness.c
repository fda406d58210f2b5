/* SPDX-License-Identifier: MIT
 *
 * Points stand on older ones, so in the order of making each is judged after those below it; that
 * order is not relied on (clocks are wrong at times): a point is judged when somebody asks, once.
 */
#include "policies/soundness.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum mark { UNKNOWN, JUDGING, JUDGED };

struct judge {
    struct point_list *points;
    size_t *order; /* indexes of points, by id */
    unsigned char *marks;
};

static int by_id(const void *a, const void *b, void *arg)
{
    const struct point_list *l = arg;

    return strcmp(l->items[*(const size_t *)a].id, l->items[*(const size_t *)b].id);
}

/* Its index; points->n: it is not there. */
static size_t find(const struct judge *j, const char *id)
{
    size_t low = 0, high = j->points->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(j->points->items[j->order[middle]].id, id);

        if (c == 0)
            return j->order[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return j->points->n;
}

static void becomes(struct point *p, char *problem)
{
    p->state = POINT_DAMAGED;
    free(p->problem);
    p->problem = problem;
}

static void judge_one(struct judge *j, size_t i);
static bool judge_all_below(struct judge *j, struct point *p, size_t i);

/* True: the point below is sound. */
static bool judge_below(struct judge *j, struct point *p, const char *id)
{
    size_t k = find(j, id);
    const struct point *below;

    if (k == j->points->n) {
        becomes(p, xasprintf("it stands on %s, which nothing is known of", id));
        return false;
    }
    if (j->marks[k] == JUDGING) {
        becomes(p, xasprintf("its chain goes in a circle at %s", id));
        return false;
    }
    judge_one(j, k);
    below = &j->points->items[k];
    if (below->state == POINT_GOOD)
        return true;
    if (below->state == POINT_DELETING)
        return judge_all_below(j, p, k);
    /* The root of it is told, not each step of the way. */
    if (below->problem && strncmp(below->problem, "it stands on ", 13) == 0)
        becomes(p, xstrdup(below->problem));
    else
        becomes(p, xasprintf("it stands on %s, which is %s%s%s", id, point_state_name(below->state),
                             below->problem ? ": " : "", below->problem ? below->problem : ""));
    return false;
}

/* p is judged by what the point at i, which is p itself or one below it, stands on.  So is what
 * stands on one that is let go: that is being merged into it, or will be, and until then nothing of
 * it is missing (storage/merge/merge.h). */
static bool judge_all_below(struct judge *j, struct point *p, size_t i)
{
    const struct point *at = &j->points->items[i];
    bool sound = true;

    j->marks[i] = JUDGING;
    for (size_t k = 0; sound && k < at->disks.n; k++)
        if (at->disks.items[k].backing)
            sound = judge_below(j, p, at->disks.items[k].backing);
    j->marks[i] = JUDGED;
    return sound;
}

static void judge_one(struct judge *j, size_t i)
{
    struct point *p = &j->points->items[i];

    if (j->marks[i] != UNKNOWN)
        return;
    if (p->state == POINT_GOOD)
        judge_all_below(j, p, i);
    j->marks[i] = JUDGED;
}

void soundness_judge(struct point_list *points)
{
    CLEANUP_FREE size_t *order = xcalloc(points->n + 1, sizeof(*order));
    CLEANUP_FREE unsigned char *marks = xcalloc(points->n + 1, 1);
    struct judge j = {.points = points, .order = order, .marks = marks};

    for (size_t i = 0; i < points->n; i++)
        order[i] = i;
    qsort_r(order, points->n, sizeof(*order), by_id, points);
    /* Those that are listed first are the older ones, nearly always: chains are not deep then. */
    for (size_t i = 0; i < points->n; i++)
        judge_one(&j, i);
}

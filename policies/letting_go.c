/* SPDX-License-Identifier: MIT
 *
 * Points are numbers here, by their place in the list; of each is known what it stands on, and what
 * stands on it.  A merge of K into N moves N from K to what K stands on.
 */
#include "policies/letting_go.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/point_index.h"

struct places {
    size_t *items;
    size_t n, cap;
};

struct node {
    struct places below, above;
    int depth; /* 0: not known yet; of one that stands on nothing 1 */
    bool gone;
    uint64_t bytes;
};

struct graph {
    const struct point_list *points;
    struct node *nodes;
    struct point_index index;
};

void letting_go_list_done(struct letting_go_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].id);
        free(l->items[i].into);
    }
    free(l->items);
    *l = (struct letting_go_list){0};
}

const struct letting_go *letting_go_find(const struct letting_go_list *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->items[i].id, id))
            return &l->items[i];
    return NULL;
}

/* ---- who stands on whom ---- */

static void places_add(struct places *l, size_t place)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i] == place)
            return;
    *VEC_ADD(l) = place;
}

static void places_drop(struct places *l, size_t place)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i] == place) {
            l->items[i] = l->items[--l->n];
            return;
        }
}

static void stand(struct graph *g, size_t place, const char *id)
{
    const struct point *base = point_index_find(&g->index, id);
    size_t below = base ? (size_t)(base - g->points->items) : place;

    if (below == place)
        return;
    places_add(&g->nodes[place].below, below);
    places_add(&g->nodes[below].above, place);
}

static void graph_init(struct graph *g, const struct point_list *points)
{
    *g = (struct graph){.points = points, .nodes = xcalloc(points->n + 1, sizeof(*g->nodes))};
    point_index_init(&g->index, points);
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        stand(g, i, p->parent);
        for (size_t k = 0; k < p->disks.n; k++) {
            stand(g, i, p->disks.items[k].backing);
            g->nodes[i].bytes += p->disks.items[k].bytes;
        }
    }
}

static void graph_done(struct graph *g)
{
    for (size_t i = 0; i < g->points->n; i++) {
        free(g->nodes[i].below.items);
        free(g->nodes[i].above.items);
    }
    free(g->nodes);
    point_index_done(&g->index);
}

/* ---- order: a base comes before what stands on it, whatever the dates say ---- */

static void find_depths(struct graph *g)
{
    struct places queue = {0};
    size_t *left = xcalloc(g->points->n + 1, sizeof(*left));

    for (size_t i = 0; i < g->points->n; i++) {
        left[i] = g->nodes[i].below.n;
        if (left[i] == 0) {
            g->nodes[i].depth = 1;
            *VEC_ADD(&queue) = i;
        }
    }
    for (size_t i = 0; i < queue.n; i++) {
        const struct node *n = &g->nodes[queue.items[i]];

        for (size_t k = 0; k < n->above.n; k++) {
            struct node *above = &g->nodes[n->above.items[k]];

            if (above->depth <= n->depth)
                above->depth = n->depth + 1;
            if (--left[n->above.items[k]] == 0)
                *VEC_ADD(&queue) = n->above.items[k];
        }
    }
    free(left);
    free(queue.items);
}

static int by_depth(const void *a, const void *b, void *ctx)
{
    const struct graph *g = ctx;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    if (g->nodes[x].depth != g->nodes[y].depth)
        return g->nodes[x].depth < g->nodes[y].depth ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* ---- going ---- */

static void list(const struct graph *g, size_t place, const struct point *into, uint64_t moved,
                 bool *goes, struct letting_go_list *ret)
{
    *VEC_ADD(ret) = (struct letting_go){xstrdup(g->points->items[place].id),
                                        into ? xstrdup(into->id) : NULL, moved};
    goes[place] = false;
}

static void remove_one(struct graph *g, size_t place)
{
    struct node *n = &g->nodes[place];

    for (size_t i = 0; i < n->below.n; i++)
        places_drop(&g->nodes[n->below.items[i]].above, place);
    n->gone = true;
}

/* above: the only one that stands on it. */
static void merge_one(struct graph *g, size_t place, size_t above)
{
    const struct node *n = &g->nodes[place];

    places_drop(&g->nodes[above].below, place);
    for (size_t i = 0; i < n->below.n; i++) {
        places_drop(&g->nodes[n->below.items[i]].above, place);
        places_add(&g->nodes[n->below.items[i]].above, above);
        places_add(&g->nodes[above].below, n->below.items[i]);
    }
    g->nodes[place].gone = true;
}

/* One that has nobody who knows its images, as a failed backup leaves it, is only removed. */
static bool can_merge(const struct graph *g, size_t place, const bool *sound)
{
    const struct node *n = &g->nodes[place];
    const struct point *p = &g->points->items[place], *into;

    if (n->above.n != 1 || !sound[place] || !sound[n->above.items[0]])
        return false;
    into = &g->points->items[n->above.items[0]];
    return p->disks.n > 0 && into->state == POINT_GOOD && !into->set_aside &&
           str_eq(p->repository, into->repository) &&
           (!p->repository_id || !into->repository_id ||
            str_eq(p->repository_id, into->repository_id));
}

void letting_go_plan(const struct point_list *points, bool *goes, const bool *sound,
                     struct letting_go_list *ret)
{
    CLEANUP_FREE size_t *order = xcalloc(points->n + 1, sizeof(*order));
    struct graph g;

    graph_init(&g, points);
    find_depths(&g);
    for (size_t i = 0; i < points->n; i++)
        order[i] = i;
    qsort_r(order, points->n, sizeof(*order), by_depth, &g);
    for (size_t i = points->n; i-- > 0;)
        if (goes[order[i]] && g.nodes[order[i]].above.n == 0) {
            list(&g, order[i], NULL, 0, goes, ret);
            remove_one(&g, order[i]);
        }
    for (size_t i = 0; i < points->n; i++) {
        size_t above;

        if (!goes[order[i]] || !can_merge(&g, order[i], sound))
            continue;
        above = g.nodes[order[i]].above.items[0];
        list(&g, order[i], &points->items[above], g.nodes[above].bytes, goes, ret);
        merge_one(&g, order[i], above);
    }
    graph_done(&g);
}

void letting_go_judge(const struct point_list *points, const struct retention_verdict *verdicts,
                      bool *ret_goes, bool *ret_sound)
{
    for (size_t i = 0; i < points->n; i++) {
        ret_goes[i] = !verdicts[i].keep || verdicts[i].held;
        ret_sound[i] = verdicts[i].sound ||
                       (points->items[i].state == POINT_DELETING && verdicts[i].whole_below);
    }
}

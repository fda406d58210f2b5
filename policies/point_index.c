/* SPDX-License-Identifier: MIT */
#include "policies/point_index.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b, void *ctx)
{
    const struct point_list *points = ctx;

    return strcmp(points->items[*(const size_t *)a].id, points->items[*(const size_t *)b].id);
}

void point_index_init(struct point_index *ix, const struct point_list *points)
{
    *ix = (struct point_index){points, xcalloc(points->n + 1, sizeof(*ix->places))};
    for (size_t i = 0; i < points->n; i++)
        ix->places[i] = i;
    qsort_r(ix->places, points->n, sizeof(*ix->places), by_id, (void *)points);
}

void point_index_done(struct point_index *ix)
{
    free(ix->places);
    *ix = (struct point_index){0};
}

const struct point *point_index_find(const struct point_index *ix, const char *id)
{
    size_t low = 0, high = ix->points->n;

    while (id && low < high) {
        size_t middle = low + (high - low) / 2;
        const struct point *p = &ix->points->items[ix->places[middle]];
        int order = strcmp(id, p->id);

        if (order == 0)
            return p;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

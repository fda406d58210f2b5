/* SPDX-License-Identifier: MIT */
#include "report/point_copies.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Their places in memory are those in the list. */
static int by_original(const void *a, const void *b)
{
    const struct point *x = *(const struct point *const *)a, *y = *(const struct point *const *)b;
    int order = strcmp(x->copy_of, y->copy_of);

    return order ? order : x < y ? -1 : x > y;
}

void point_copies_init(struct point_copies *c, const struct point_list *points)
{
    *c = (struct point_copies){0};
    for (size_t i = 0; i < points->n; i++)
        if (points->items[i].copy_of)
            *VEC_ADD(c) = &points->items[i];
    if (c->n > 0)
        qsort(c->items, c->n, sizeof(*c->items), by_original);
}

void point_copies_done(struct point_copies *c)
{
    free(c->items);
    *c = (struct point_copies){0};
}

const struct point *const *point_copies_of(const struct point_copies *c, const char *id,
                                           size_t *ret_n)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(c->items[middle]->copy_of, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (high < c->n && strcmp(c->items[high]->copy_of, id) == 0)
        high++;
    *ret_n = high - low;
    return c->items + low;
}

/* SPDX-License-Identifier: MIT */
#include "mover/stretches.h"

#include <stdlib.h>

#include "storage/digest/tree.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- making them ---- */

static void add_rest(struct map *rest, uint64_t from, uint64_t to)
{
    if (from < to)
        *VEC_ADD(&rest->runs) = (struct map_run){from, to - from, MAP_DATA};
}

/* The leaves of the host's run that lie in [from, to) and in it as a whole; how far they go, or
 * from. */
static uint64_t add_stretch(const struct host_run *h, uint64_t from, uint64_t to,
                            struct stretches *ret, struct map *rest)
{
    uint64_t begin = from > h->offset ? from : h->offset;
    uint64_t end = least(to, h->offset + h->length) & ~(uint64_t)(TREE_LEAF - 1);

    begin = (begin + TREE_LEAF - 1) & ~(uint64_t)(TREE_LEAF - 1);
    if (h->zero || begin >= end)
        return from;
    add_rest(rest, from, begin);
    *VEC_ADD(&ret->list) = (struct stretch){.offset = begin,
                                            .length = end - begin,
                                            .at = h->at + (begin - h->offset),
                                            .layer = h->layer};
    return end;
}

static int by_place(const void *a, const void *b)
{
    const struct stretch *x = a, *y = b;

    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

void stretches_make(const struct host_map *host, const struct map *map, struct stretches *ret,
                    struct map *ret_rest)
{
    size_t h = 0;

    for (size_t i = 0; i < map->runs.n; i++) {
        const struct map_run *r = &map->runs.items[i];
        uint64_t from = r->offset, end = r->offset + r->length;

        if (r->kind != MAP_DATA)
            continue;
        while (h < host->runs.n && host->runs.items[h].offset + host->runs.items[h].length <= from)
            h++;
        for (size_t k = h; k < host->runs.n && host->runs.items[k].offset < end; k++)
            from = add_stretch(&host->runs.items[k], from, end, ret, ret_rest);
        add_rest(ret_rest, from, end);
    }
    if (ret->list.n > 0)
        qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items), by_place);
}

void stretches_done(struct stretches *s)
{
    free(s->list.items);
    *s = (struct stretches){0};
}

/* ---- going through them ---- */

bool stretches_next(struct stretches *s, uint64_t max, struct stretch_piece *ret)
{
    const struct stretch *r;

    if (s->next == s->list.n)
        return false;
    r = &s->list.items[s->next];
    *ret = (struct stretch_piece){
        .at = r->at + s->within, .layer = r->layer, .first = s->next, .within = s->within};
    while (s->next < s->list.n && ret->length < max) {
        uint64_t n;

        r = &s->list.items[s->next];
        if (r->layer != ret->layer || r->at + s->within != ret->at + ret->length)
            break;
        n = least(r->length - s->within, max - ret->length);
        ret->length += n;
        s->within += n;
        if (s->within == r->length) {
            s->next++;
            s->within = 0;
        }
    }
    return true;
}

uint64_t stretches_offset(const struct stretches *s, const struct stretch_piece *p, uint64_t n)
{
    const struct stretch *r = &s->list.items[p->first];

    n += p->within;
    while (n >= r->length) {
        n -= r->length;
        r++;
    }
    return r->offset + n;
}

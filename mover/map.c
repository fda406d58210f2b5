/* SPDX-License-Identifier: MIT */
#include "mover/map.h"

#include <assert.h>
#include <stdlib.h>

static void add_run(struct map *m, uint64_t offset, uint64_t length, enum map_kind kind)
{
    struct map_run *last = m->runs.n ? &m->runs.items[m->runs.n - 1] : NULL;

    if (kind == MAP_SKIP)
        return;
    m->bytes += length;
    if (last && last->kind == kind && last->offset + last->length == offset)
        last->length += length;
    else
        *VEC_ADD(&m->runs) = (struct map_run){.offset = offset, .length = length, .kind = kind};
}

void map_add(struct map *m, uint64_t length, enum map_kind kind)
{
    assert(length <= m->size - m->end);
    while (length > 0) {
        uint64_t inside = m->end % MAP_CLUSTER, start = m->end - inside, n;

        if (inside == 0 && length >= MAP_CLUSTER)
            n = length - length % MAP_CLUSTER;
        else
            n = length < MAP_CLUSTER - inside ? length : MAP_CLUSTER - inside;
        m->cluster = inside == 0 || m->cluster == kind ? kind : MAP_DATA;
        m->end += n;
        length -= n;
        if (m->end % MAP_CLUSTER == 0 || m->end == m->size)
            add_run(m, start, m->end - start, m->cluster);
    }
}

void map_subtract(struct map *a, const struct map *b)
{
    struct map left = {.size = a->size};
    size_t k = 0;

    for (size_t i = 0; i < a->runs.n; i++) {
        struct map_run run = a->runs.items[i];

        while (run.length > 0) {
            uint64_t end = run.offset + run.length, from, to;

            while (k < b->runs.n && b->runs.items[k].offset + b->runs.items[k].length <= run.offset)
                k++;
            from = k < b->runs.n ? b->runs.items[k].offset : end;
            to = k < b->runs.n ? from + b->runs.items[k].length : end;
            if (from > run.offset) {
                uint64_t stop = from < end ? from : end;

                *VEC_ADD(&left.runs) = (struct map_run){run.offset, stop - run.offset, run.kind};
            }
            run.offset = to < end ? to : end;
            run.length = end - run.offset;
        }
    }
    map_done(a);
    *a = left;
}

void map_done(struct map *m)
{
    free(m->runs.items);
    *m = (struct map){0};
}

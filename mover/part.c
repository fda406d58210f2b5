/* SPDX-License-Identifier: MIT */
#include "mover/part.h"

#include <errno.h>
#include <stdio.h>

#include "mover/map_text.h"

bool part_is_whole(const struct part *p)
{
    return sample_is_whole(&p->sample) && !p->only_file;
}

int part_read(struct part *p, struct err *err)
{
    FILE *f = p->only_file ? fopen(p->only_file, "re") : NULL;
    int rc;

    if (!p->only_file)
        return 0;
    if (!f)
        return err_errno(err, errno, "%s", p->only_file);
    rc = map_read(f, p->only_file, &p->only, err);
    fclose(f);
    return rc;
}

void part_done(struct part *p)
{
    map_done(&p->only);
}

/* Asked with growing offsets: *place is where the last answer was found. */
static bool has(const struct part *p, uint64_t at, size_t *place)
{
    const struct map *only = &p->only;

    while (*place < only->runs.n &&
           only->runs.items[*place].offset + only->runs.items[*place].length <= at)
        ++*place;
    if (p->only_file &&
        (*place == only->runs.n || only->runs.items[*place].offset >= at + TREE_LEAF))
        return false;
    return sample_has(&p->sample, p->seed, at / TREE_LEAF);
}

void part_take(const struct part *p, const struct leaves *want, struct map *map, struct leaves *ret)
{
    struct map all = *map;
    size_t place = 0;

    map->runs.items = NULL;
    map->runs.n = map->runs.cap = 0;
    for (size_t i = 0; i < all.runs.n; i++) {
        const struct map_run *r = &all.runs.items[i];
        uint64_t end = r->offset + r->length;

        for (uint64_t at = r->offset; at < end;) {
            uint64_t leaf = at / TREE_LEAF, next = (leaf + 1) * TREE_LEAF;
            struct map_run *last = map->runs.n > 0 ? &map->runs.items[map->runs.n - 1] : NULL;

            next = next < end ? next : end;
            if (!has(p, leaf * TREE_LEAF, &place)) {
                if (leaf < ret->n && leaf < want->n)
                    leaves_set(ret, leaf, leaves_get(want, leaf));
            } else if (last && last->kind == r->kind && last->offset + last->length == at) {
                last->length += next - at;
            } else {
                *VEC_ADD(&map->runs) = (struct map_run){at, next - at, r->kind};
            }
            at = next;
        }
    }
    map_done(&all);
}

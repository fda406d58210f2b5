/* SPDX-License-Identifier: MIT */
#include "mover/difference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mover/map_text.h"

/* first, last: of leaves. */
static void add_range(const struct leaves *l, uint64_t first, uint64_t last, struct map *ranges)
{
    uint64_t end = (last + 1) * TREE_LEAF < l->capacity ? (last + 1) * TREE_LEAF : l->capacity;

    *VEC_ADD(&ranges->runs) =
        (struct map_run){first * TREE_LEAF, end - first * TREE_LEAF, MAP_DATA};
}

uint64_t difference_find(const struct leaves *have, const struct leaves *want, struct map *ret)
{
    uint64_t bad = 0, first = 0, last = 0;

    for (uint64_t i = 0; i < have->n; i++) {
        if (!have->nodes[i / LEAVES_NODE] && !want->nodes[i / LEAVES_NODE]) {
            i |= LEAVES_NODE - 1;
            continue;
        }
        if (memcmp(leaves_get(have, i), leaves_get(want, i), TREE_DIGEST) == 0)
            continue;
        if (bad > 0 && last + 1 != i)
            add_range(have, first, last, ret);
        if (bad++ == 0 || last + 1 != i)
            first = i;
        last = i;
    }
    if (bad > 0)
        add_range(have, first, last, ret);
    return bad;
}

int difference_write(const struct map *ranges, const char *file, struct err *err)
{
    FILE *f = fopen(file, "we");
    bool ok = f;

    if (f) {
        map_print(ranges, 0, f);
        ok = !ferror(f);
        ok = fclose(f) == 0 && ok;
    }
    return ok ? 0 : err_errno(err, errno, "%s", file);
}

/* SPDX-License-Identifier: MIT
 *
 * Walks through the disk with NBD_CMD_BLOCK_STATUS.  A reply may cover less than was asked for, and
 * each context another length, so each round goes as far as all of them reach.
 *
 * Only NBD_STATE_ZERO says that a part reads as zeroes; a hole without it may read as anything.  A
 * server that does not tell base:allocation may have data everywhere.
 */
#include "mover/extents.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ASK_MAX (UINT64_C(1) << 30)
/* Both as docs/interop/nbd.txt of QEMU says. */
#define DIRTY 1u
#define OWN_DEPTH 1u /* the image itself holds it, none below */

struct reply {
    struct extent_list allocation, dirty;
    bool completed;
    int error;
};

static int on_extents(void *ctx, const char *context, uint64_t offset, uint32_t *entries, size_t n,
                      int *error)
{
    struct reply *r = ctx;
    struct extent_list *l = strcmp(context, CONTEXT_ALLOCATION) == 0 ? &r->allocation : &r->dirty;

    (void)offset;
    (void)error;
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint32_t flags = entries[i + 1];

        if (strcmp(context, CONTEXT_DEPTH) == 0)
            flags = flags == OWN_DEPTH ? DIRTY : 0;
        *VEC_ADD(l) = (struct extent){.length = entries[i], .flags = flags};
    }
    return 0;
}

static int on_completed(void *ctx, int *error)
{
    struct reply *r = ctx;

    r->error = *error;
    r->completed = true;
    return 1;
}

static int ask(struct peers *p, uint64_t offset, uint64_t length, struct reply *r, struct err *err)
{
    r->allocation.n = r->dirty.n = 0;
    r->completed = false;
    if (nbd_aio_block_status(p->source.nbd, length, offset,
                             (nbd_extent_callback){on_extents, r, NULL},
                             (nbd_completion_callback){on_completed, r, NULL}, 0) < 0)
        return peers_failed(p, &p->source, err);
    while (!r->completed)
        if (peers_turn(p, INT_MAX, err) < 0)
            return -1;
    if (r->error)
        return peers_command_failed(&p->source, "block status", offset, r->error, err);
    return 0;
}

static enum map_kind kind_of(bool incremental, uint32_t allocation, uint32_t dirty)
{
    bool zero = allocation & LIBNBD_STATE_ZERO;

    if (!incremental)
        return zero ? MAP_SKIP : MAP_DATA;
    if (!(dirty & DIRTY))
        return MAP_SKIP;
    return zero ? MAP_ZERO : MAP_DATA;
}

void extents_take(struct extent_list *a, struct extent_list *d, bool incremental, struct map *map)
{
    for (size_t i = 0, j = 0; i < a->n && j < d->n && map->end < map->size;) {
        uint64_t n = a->items[i].length, left = map->size - map->end;

        n = d->items[j].length < n ? d->items[j].length : n;
        map_add(map, n < left ? n : left,
                kind_of(incremental, a->items[i].flags, d->items[j].flags));
        a->items[i].length -= n;
        d->items[j].length -= n;
        i += a->items[i].length == 0;
        j += d->items[j].length == 0;
    }
}

static int walk(struct peers *p, bool incremental, struct reply *r, struct map *map,
                struct err *err)
{
    bool allocation = nbd_can_meta_context(p->source.nbd, CONTEXT_ALLOCATION) == 1;

    if (!allocation && !incremental)
        map_add(map, map->size, MAP_DATA);
    while (map->end < map->size) {
        uint64_t before = map->end, left = map->size - before;
        uint64_t length = left < ASK_MAX ? left : ASK_MAX;

        if (ask(p, before, length, r, err) < 0)
            return -1;
        if (!allocation)
            *VEC_ADD(&r->allocation) = (struct extent){.length = UINT64_MAX};
        if (!incremental) /* though the connection may tell it */
            r->dirty.n = 0;
        if (!incremental)
            *VEC_ADD(&r->dirty) = (struct extent){.length = UINT64_MAX};
        extents_take(&r->allocation, &r->dirty, incremental, map);
        p->total = map->bytes;
        if (map->end == before)
            return err_set(err, ERR_PROTOCOL,
                           "%s: the server says nothing of the block at %" PRIu64, p->source.name,
                           before);
    }
    return 0;
}

int extents_map(struct peers *p, const char *context, struct map *ret, struct err *err)
{
    struct reply r = {0};
    int rc;

    *ret = (struct map){.size = p->source.size};
    p->heard_ms = peers_now_ms();
    rc = walk(p, context != NULL, &r, ret, err);
    free(r.allocation.items);
    free(r.dirty.items);
    return rc;
}

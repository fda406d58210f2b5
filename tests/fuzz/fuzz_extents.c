/* SPDX-License-Identifier: MIT
 *
 * A server's answers about a disk: parts of any length with any flags, in two contexts.  The map
 * made of them has its runs in order, within the disk, of whole clusters, and hides no dirty part.
 * The input is the disk's size, whether it is an incremental, and then context, length and flags of
 * a part each.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "mover/extents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct part {
    uint8_t context;
    uint8_t flags;
    uint32_t length;
} __attribute__((packed));

static void read_parts(const uint8_t *data, size_t size, struct extent_list *allocation,
                       struct extent_list *dirty)
{
    struct part part;

    for (; size >= sizeof(part); data += sizeof(part), size -= sizeof(part)) {
        memcpy(&part, data, sizeof(part));
        *VEC_ADD(part.context & 1 ? dirty : allocation) =
            (struct extent){.length = part.length, .flags = part.flags};
    }
}

/* Where a part is that must be copied: dirty, and not told to read as zeroes. */
static bool is_in(const struct map *m, uint64_t offset)
{
    for (size_t i = 0; i < m->runs.n; i++) {
        const struct map_run *r = &m->runs.items[i];

        if (offset >= r->offset && offset < r->offset + r->length)
            return true;
    }
    return false;
}

static void check_dirty(const struct map *m, const struct extent_list *dirty)
{
    uint64_t offset = 0;

    for (size_t i = 0; i < dirty->n && offset < m->end; i++) {
        const struct extent *e = &dirty->items[i];
        uint64_t end = offset + e->length;
        uint64_t last = (end < m->end ? end : m->end) - 1;

        if (e->length > 0 && (e->flags & 1)) {
            /* Of a cluster that is known in part nothing is in the map yet. */
            assert(is_in(m, offset) || m->end != m->size);
            assert(is_in(m, last) || m->end != m->size);
        }
        offset = end;
    }
}

static void check_map(const struct map *m)
{
    uint64_t end = 0, bytes = 0;

    assert(m->end <= m->size);
    for (size_t i = 0; i < m->runs.n; i++) {
        const struct map_run *r = &m->runs.items[i];

        assert(r->kind != MAP_SKIP && r->length > 0 && r->offset >= end);
        assert(r->offset % MAP_CLUSTER == 0);
        end = r->offset + r->length;
        assert(end % MAP_CLUSTER == 0 || end == m->size);
        bytes += r->length;
    }
    assert(end <= m->end && bytes == m->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct extent_list allocation = {0}, dirty = {0}, as_told = {0};
    struct map map = {0};
    bool incremental;
    uint32_t disk;

    if (size < sizeof(disk) + 1)
        return 0;
    memcpy(&disk, data, sizeof(disk));
    map.size = disk;
    incremental = data[sizeof(disk)] & 1;
    data += sizeof(disk) + 1;
    size -= sizeof(disk) + 1;
    read_parts(data, size, &allocation, &dirty);
    for (size_t i = 0; i < dirty.n; i++)
        *VEC_ADD(&as_told) = dirty.items[i];
    extents_take(&allocation, &dirty, incremental, &map);
    check_map(&map);
    if (incremental)
        check_dirty(&map, &as_told);
    free(allocation.items);
    free(dirty.items);
    free(as_told.items);
    map_done(&map);
    return 0;
}

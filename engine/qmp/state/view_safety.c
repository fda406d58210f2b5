/* SPDX-License-Identifier: MIT
 *
 * Can a disk be copied without harm to its guest?  begin_shield.c puts a filter below the disk's
 * devices, by their paths; whoever else writes to the disk goes past it.
 */
#include "base/text.h"
#include "engine/qmp/state/graph.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/state/view_disks.h"

struct known {
    json_t *blocks;
    const char *above; /* the node above the one that is looked at; NULL: devices are */
};

/* Is it one of query-block's devices, or the node above, or something of ours? */
static bool is_known(const char *writer, void *ctx)
{
    const struct known *k = ctx;
    json_t *block;
    size_t i;

    if (node_name_parse(writer, NULL, NULL, NULL))
        return true;
    if (k->above)
        return str_eq(writer, k->above);
    json_array_foreach(k->blocks, i, block)
        if (*writer && (str_eq(json_string_value(json_object_get(block, "device")), writer) ||
                        str_eq(json_string_value(json_object_get(block, "qdev")), writer)))
            return true;
    return false;
}

/* To the nodes from the top down to the image. */
static bool has_other_writers(const struct view_disk *disk, json_t *blocks, json_t *graph)
{
    struct known known = {.blocks = blocks};
    const char *node = disk->top;

    for (int i = 0; node && i < CHAIN_MAX; i++) {
        const char *below = graph_child(graph, node, "file");

        if (graph_has_writer(graph, node, is_known, &known))
            return true;
        if (str_eq(node, disk->node))
            return false;
        known.above = node;
        node = below ? below : graph_child(graph, node, "backing");
    }
    return false;
}

const char *view_unsafe(const struct view_disk *disk, json_t *blocks, json_t *graph)
{
    if (!graph)
        return "QEMU does not tell how its block nodes stand on one another";
    if (disk->devices.n == 0)
        return "no device of the guest uses it";
    if (has_other_writers(disk, blocks, graph))
        return "its image is written to on another way too (an export, or a second device)";
    return NULL;
}

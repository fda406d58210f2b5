/* SPDX-License-Identifier: MIT
 *
 * What is no disk of a backup unless somebody names it: read-only disks, CD-ROMs, empty drives.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/graph.h"
#include "engine/qmp/state/view_disks.h"

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_t *find_node(json_t *nodes, const char *name)
{
    json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (name && str_eq(text_of(node, "node-name"), name))
            return node;
    return NULL;
}

/* By what stays the same, as every disk: the drive's id, or the device's.  Nothing is an aside
 * that no device uses. */
static char *name_of(json_t *block)
{
    const char *drive = text_of(block, "device");

    return drive && *drive ? xstrdup(drive) : view_device_name(text_of(block, "qdev"));
}

static char *file_of(json_t *nodes, json_t *graph, const char *node, const char *cwd)
{
    const char *below = graph ? graph_child(graph, node, "file") : NULL;
    const char *file = text_of(find_node(nodes, below), "file");

    if (!file || starts_with(file, "json:"))
        return NULL;
    if (file[0] == '/')
        return xstrdup(file);
    return cwd ? xasprintf("%s/%s", cwd, file) : NULL;
}

static void fill(struct view_disk *aside, json_t *node, json_t *nodes, json_t *graph,
                 const struct view_names *names)
{
    const char *name = text_of(node, "node-name");
    json_t *image = json_object_get(node, "image");
    json_int_t size = json_integer_value(json_object_get(image, "virtual-size"));

    aside->node = xstrdup(name);
    aside->top = xstrdup(name);
    aside->facts.format = xstrdup(text_of(node, "drv"));
    aside->facts.capacity = size > 0 ? (uint64_t)size : 0;
    aside->facts.allocated = aside->facts.capacity;
    aside->facts.image = file_of(nodes, graph, name, names->cwd);
    aside->facts.special = view_is_special(names, aside->facts.image);
}

/* Firmware is none; nor is what no device uses. */
static bool is_aside(json_t *block)
{
    const char *qdev = text_of(block, "qdev");
    json_t *inserted = json_object_get(block, "inserted");

    if (!qdev || !*qdev || strstr(qdev, "system.flash"))
        return false;
    return json_is_object(inserted) ? json_is_true(json_object_get(inserted, "ro"))
                                    : json_is_true(json_object_get(block, "removable"));
}

void view_decode_asides(json_t *const replies[Q_COUNT], const struct view_names *names,
                        struct view *v)
{
    json_t *block;
    size_t i;

    json_array_foreach(replies[Q_BLOCK], i, block) {
        const char *top = text_of(json_object_get(block, "inserted"), "node-name");
        json_t *node = find_node(replies[Q_NODES], top);
        CLEANUP_FREE char *name = NULL;
        struct view_disk *aside;

        if (!is_aside(block))
            continue;
        name = name_of(block);
        if (view_find_disk(v, name) || view_find_aside(v, name))
            continue;
        aside = VEC_ADD(&v->asides);
        aside->facts.name = TAKE_PTR(name);
        aside->facts.removable = json_is_true(json_object_get(block, "removable"));
        aside->facts.empty = !node;
        if (node)
            fill(aside, node, replies[Q_NODES], replies[Q_GRAPH], names);
    }
}

const struct view_disk *view_find_aside(const struct view *v, const char *name)
{
    for (size_t i = 0; i < v->asides.n; i++)
        if (strcmp(v->asides.items[i].facts.name, name) == 0)
            return &v->asides.items[i];
    return NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * A storage daemon has no machine: what view.h asks of that is answered here, in QEMU's own words.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/qmp/offline/session.h"

void offline_node(char ret[NODE_NAME_MAX], size_t i, bool file)
{
    snprintf(ret, NODE_NAME_MAX, "image%zu%s", i, file ? "f" : "");
}

/* A block device on each image. */
static json_t *block_devices(const struct offline *o)
{
    json_t *devices = json_array();
    char node[NODE_NAME_MAX];

    for (size_t i = 0; i < o->images.items.n; i++) {
        offline_node(node, i, false);
        json_array_append_new(devices, json_pack("{s:s, s:{s:s}}", "device",
                                                 o->images.items.items[i].facts.name, "inserted",
                                                 "node-name", node));
    }
    return devices;
}

json_t *offline_answer(const struct domain *d, enum view_query query)
{
    switch (query) {
    case Q_IOTHREADS:
        return json_array();
    case Q_STATUS:
        return json_pack("{s:s, s:b}", "status", "shutdown", "running", 0);
    case Q_BLOCK:
        return block_devices(d->session);
    case Q_MIGRATION:
    case Q_UUID:
        return json_object();
    default:
        return NULL;
    }
}

void offline_hide(const struct domain *d, json_t *nodes)
{
    const char *checkpoint = d->session->checkpoint;
    json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node) {
        json_t *bitmaps = json_object_get(node, "dirty-bitmaps");

        for (size_t k = json_array_size(bitmaps); checkpoint && k-- > 0;) {
            const char *name =
                json_string_value(json_object_get(json_array_get(bitmaps, k), "name"));
            CLEANUP_FREE char *of = name ? bitmap_checkpoint(name) : NULL;

            if (str_eq(of, checkpoint))
                json_array_remove(bitmaps, k);
        }
    }
}

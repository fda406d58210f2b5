/* SPDX-License-Identifier: MIT
 *
 * Taking away what a job has at QEMU.  Everything is found by its name in the view, so that a
 * daemon that knows nothing but the tag can do it, from whatever half-made state.
 *
 * The order is QEMU's: the server with its exports, then what reads the snapshots, the snapshots,
 * the targets; then scratch space that stands on the disks is parted from them, the gates let the
 * disks' own nodes through again (all at once), the filters below them go, the devices get their
 * nodes back, and the gates and the scratch space go.
 *
 * QEMU 7.2 aborts when a device is given the node that it has already, so only a device whose
 * node is a gate of ours, as seen just now, is given another one.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/graph.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/tend/reap.h"

static bool has(const struct reap *r, size_t i, enum node_role role)
{
    return node_name_is(r->look.view.nodes.items[i].name, r->tag, role);
}

static void remove_nodes(struct reap *r, enum node_role role)
{
    for (size_t i = 0; i < r->look.view.nodes.n; i++)
        if (has(r, i, role))
            reap_todo(r, command_del_node(r->look.view.nodes.items[i].name));
}

/* Somebody else's exports are on it: then we have died before we could start one of our own. */
static bool server_is_ours(const struct reap *r)
{
    const struct strlist *exports = &r->look.view.exports;

    for (size_t i = 0; i < exports->n; i++)
        if (!node_name_is(exports->items[i], r->tag, NODE_TARGET))
            return false;
    return true;
}

static void stop_server(struct reap *r)
{
    for (size_t i = 0; i < r->look.view.nodes.n; i++)
        if (has(r, i, NODE_SERVER_MARK) && server_is_ours(r))
            reap_todo(r, command_plain("nbd-server-stop"));
    remove_nodes(r, NODE_SERVER_MARK);
}

/* The disk's own node, below the gate and perhaps the filter; NULL: not known. */
static const char *below(const struct reap *r, const char *gate)
{
    const char *node = graph_child(r->look.view.graph, gate, "file");

    if (node && node_name_is(node, r->tag, NODE_CBW))
        node = graph_child(r->look.view.graph, node, "file");
    return node;
}

/* A pull's scratch space stands on the disk.  QEMU 7.2 aborts (bdrv_parent_drained_end) when a
 * gate is swapped above a disk that can be reached on two ways. */
static void part_scratch(struct reap *r)
{
    const struct view *v = &r->look.view;
    char file[NODE_NAME_MAX];
    size_t disk;

    for (size_t i = 0; i < v->nodes.n; i++) {
        if (!has(r, i, NODE_SCRATCH) || !graph_child(v->graph, v->nodes.items[i].name, "backing"))
            continue;
        node_name_parse(v->nodes.items[i].name, NULL, &disk, NULL);
        node_name(file, r->tag, disk, NODE_SCRATCH_FILE);
        reap_todo(r, command_drop_backing(v->nodes.items[i].name, file, v->nodes.items[i].driver,
                                          reap_secret(r, disk)));
    }
}

static void open_gates(struct reap *r)
{
    const struct view *v = &r->look.view;
    json_t *gates = json_array();

    for (size_t i = 0; i < v->nodes.n; i++) {
        const char *gate = v->nodes.items[i].name;
        const char *on = has(r, i, NODE_GATE) ? graph_child(v->graph, gate, "file") : NULL;

        if (on && node_name_is(on, r->tag, NODE_CBW) && below(r, gate))
            json_array_append_new(gates, gate_options(gate, below(r, gate)));
    }
    if (json_array_size(gates) > 0)
        reap_todo(r, command_swap_gates(gates));
    else
        json_decref(gates);
}

static void give_back_drives(struct reap *r)
{
    const struct view *v = &r->look.view;

    for (size_t i = 0; i < v->devices.n; i++) {
        const struct view_device *d = &v->devices.items[i];

        if (node_name_is(d->node, r->tag, NODE_GATE) && below(r, d->node))
            reap_todo(r, command_set_drive(d->path, below(r, d->node)));
    }
}

void reap_list_close(struct reap *r)
{
    const struct view *v = &r->look.view;

    stop_server(r);
    remove_nodes(r, NODE_WINDOW);
    remove_nodes(r, NODE_SINK);
    remove_nodes(r, NODE_SINK_FILE);
    remove_nodes(r, NODE_SNAPSHOT);
    remove_nodes(r, NODE_TARGET);
    remove_nodes(r, NODE_TARGET_FILE);
    part_scratch(r);
    open_gates(r);
    remove_nodes(r, NODE_CBW);
    give_back_drives(r);
    remove_nodes(r, NODE_GATE);
    remove_nodes(r, NODE_SCRATCH);
    remove_nodes(r, NODE_SCRATCH_FILE);
    for (size_t i = 0; i < v->objects.n; i++)
        if (object_id_has_tag(v->objects.items[i], r->tag))
            reap_todo(r, command_del_object(v->objects.items[i]));
}

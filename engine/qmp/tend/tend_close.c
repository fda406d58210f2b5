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
#include "engine/qmp/tend/tend.h"

static bool has(const struct tend *td, size_t i, enum node_role role)
{
    return node_name_is(td->look.view.nodes.items[i].name, td->tag, role);
}

static void remove_nodes(struct tend *td, enum node_role role)
{
    for (size_t i = 0; i < td->look.view.nodes.n; i++) {
        const char *node = td->look.view.nodes.items[i].name;

        if (has(td, i, role))
            tend_todo(td, tend_closing(td, node, command_del_node(node)));
    }
}

/* Somebody else's exports are on it: then we have died before we could start one of our own. */
static bool server_is_ours(const struct tend *td)
{
    const struct strlist *exports = &td->look.view.exports;

    for (size_t i = 0; i < exports->n; i++)
        if (!node_name_is(exports->items[i], td->tag, NODE_TARGET))
            return false;
    return true;
}

static void stop_server(struct tend *td)
{
    for (size_t i = 0; i < td->look.view.nodes.n; i++)
        if (has(td, i, NODE_SERVER_MARK) && server_is_ours(td))
            tend_todo(td, command_plain("nbd-server-stop"));
    remove_nodes(td, NODE_SERVER_MARK);
}

/* The disk's own node, below the gate and perhaps the filter; NULL: not known. */
static const char *below(const struct tend *td, const char *gate)
{
    const char *node = graph_child(td->look.view.graph, gate, "file");

    if (node && node_name_is(node, td->tag, NODE_CBW))
        node = graph_child(td->look.view.graph, node, "file");
    return node;
}

/* A pull's scratch space stands on the disk.  QEMU 7.2 aborts (bdrv_parent_drained_end) when a
 * gate is swapped above a disk that can be reached on two ways. */
static void part_scratch(struct tend *td)
{
    const struct view *v = &td->look.view;
    char file[NODE_NAME_MAX];
    size_t disk;

    for (size_t i = 0; i < v->nodes.n; i++) {
        if (!has(td, i, NODE_SCRATCH) || !graph_child(v->graph, v->nodes.items[i].name, "backing"))
            continue;
        node_name_parse(v->nodes.items[i].name, NULL, &disk, NULL);
        node_name(file, td->tag, disk, NODE_SCRATCH_FILE);
        tend_todo(td, command_drop_backing(v->nodes.items[i].name, file, v->nodes.items[i].driver,
                                           tend_secret(td, disk)));
    }
}

static void open_gates(struct tend *td)
{
    const struct view *v = &td->look.view;
    json_t *gates = json_array();

    for (size_t i = 0; i < v->nodes.n; i++) {
        const char *gate = v->nodes.items[i].name;
        const char *on = has(td, i, NODE_GATE) ? graph_child(v->graph, gate, "file") : NULL;

        if (on && node_name_is(on, td->tag, NODE_CBW) && below(td, gate))
            json_array_append_new(gates, gate_options(gate, below(td, gate)));
    }
    if (json_array_size(gates) > 0)
        tend_todo(td, command_swap_gates(gates));
    else
        json_decref(gates);
}

void tend_list_closed(const struct tend *td, struct strlist *ret)
{
    static const enum node_role roles[] = {NODE_TARGET_FILE, NODE_SCRATCH_FILE, NODE_SINK_FILE};
    const struct view *v = &td->look.view;

    for (size_t i = 0; i < v->nodes.n; i++)
        for (size_t k = 0; k < ARRAY_LEN(roles); k++)
            if (has(td, i, roles[k]) && v->nodes.items[i].file)
                strlist_add(ret, v->nodes.items[i].file);
}

void tend_list_gated(const struct tend *td, struct strlist *ret)
{
    const struct view *v = &td->look.view;

    for (size_t i = 0; i < v->nodes.n; i++) {
        const char *node = has(td, i, NODE_GATE) ? below(td, v->nodes.items[i].name) : NULL;
        const char *file = node ? view_find_file(v, node) : NULL;

        if (file)
            strlist_add(ret, file);
    }
}

static void give_back_drives(struct tend *td)
{
    const struct view *v = &td->look.view;

    for (size_t i = 0; i < v->devices.n; i++) {
        const struct view_device *d = &v->devices.items[i];

        if (node_name_is(d->node, td->tag, NODE_GATE) && below(td, d->node))
            tend_todo(td, command_set_drive(d->path, below(td, d->node)));
    }
}

void tend_list_close(struct tend *td)
{
    const struct view *v = &td->look.view;

    stop_server(td);
    remove_nodes(td, NODE_WINDOW);
    remove_nodes(td, NODE_SINK);
    remove_nodes(td, NODE_SINK_FILE);
    remove_nodes(td, NODE_SNAPSHOT);
    remove_nodes(td, NODE_DUD);
    remove_nodes(td, NODE_PEEK);
    remove_nodes(td, NODE_TARGET);
    remove_nodes(td, NODE_TARGET_FILE);
    if (td->goal == TEND_FORGET)
        remove_nodes(td, NODE_CUT_MARK);
    part_scratch(td);
    open_gates(td);
    remove_nodes(td, NODE_CBW);
    give_back_drives(td);
    remove_nodes(td, NODE_GATE);
    remove_nodes(td, NODE_SCRATCH);
    remove_nodes(td, NODE_SCRATCH_FILE);
    for (size_t i = 0; i < v->objects.n; i++)
        if (object_id_has_tag(v->objects.items[i], td->tag))
            tend_todo(td, command_del_object(v->objects.items[i]));
}

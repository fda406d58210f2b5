/* SPDX-License-Identifier: MIT
 *
 * A pull's NBD server and its exports, one a disk.
 *
 * QEMU has one NBD server.  A mark node beside it says that it is ours, for a restarted daemon.
 *
 * Nobody tells when a snapshot breaks: QEMU says nothing, and who reads the export gets the disk
 * as it is now.  So each snapshot has a window, its first bytes, which is copied to nowhere now and
 * then (tend.c): that job fails when the snapshot is broken, and stays as the record of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/free_port.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/wire/texts.h"

#define PORTS_MAX 10
#define WINDOW_BYTES 65536

static void add_probe(struct begin *b, size_t i)
{
    const struct begin_disk *disk = &b->disks.items[i];
    uint64_t capacity = disk->source->facts.capacity;
    uint64_t size = capacity < WINDOW_BYTES ? capacity : WINDOW_BYTES;
    char snapshot[NODE_NAME_MAX], window[NODE_NAME_MAX], sink[NODE_NAME_MAX];
    CLEANUP_FREE char *id = job_id(b->tag, i, disk->name);

    node_name(snapshot, b->tag, i, NODE_SNAPSHOT);
    node_name(window, b->tag, i, NODE_WINDOW);
    node_name(sink, b->tag, i, NODE_SINK);
    begin_step_add(b, disk, command_add_window(window, snapshot, size), "watch", "the snapshot");
    begin_step_add(b, disk, command_add_sink(sink, size), "watch", "the snapshot");
    begin_step_add(b, disk, command_backup(id, window, sink), "watch", "the snapshot");
}

static void add_export(struct begin *b, size_t i)
{
    const struct begin_disk *disk = &b->disks.items[i];
    char id[NODE_NAME_MAX], node[NODE_NAME_MAX];

    node_name(id, b->tag, i, NODE_TARGET);
    begin_source_node(node, b, i);
    begin_step_add(b, disk,
                   command_add_export(id, disk->export_name, node, node,
                                      disk->base ? disk->export_bitmap : NULL),
                   "export as", disk->export_name);
}

struct command begin_server_command(const struct begin *b)
{
    char tls[OBJECT_ID_MAX];

    object_id(tls, b->tag, "tls");
    return command_server_start(&b->server, b->server.tls ? tls : NULL);
}

void begin_add_server(struct begin *b)
{
    const char *dir = b->task.domain->tls_certificates;
    char mark[NODE_NAME_MAX], tls[OBJECT_ID_MAX], where[64];

    if (b->server.transport == TRANSPORT_TCP && b->server.port == 0 &&
        begin_pick_port(b, &b->err) < 0)
        return;
    node_name(mark, b->tag, 0, NODE_SERVER_MARK);
    object_id(tls, b->tag, "tls");
    begin_step_add(b, NULL, command_add_mark(mark), "mark", "the NBD server");
    if (b->server.tls)
        begin_step_add(b, NULL, command_add_tls(tls, dir, true, b->task.domain->tls_verify),
                       "TLS: load", dir);
    snprintf(where, sizeof(where), "%s port %u", b->server.host ? b->server.host : "localhost",
             b->server.port);
    begin_step_add(b, NULL, begin_server_command(b), "start the NBD server on",
                   b->server.transport == TRANSPORT_UNIX ? b->server.socket : where);
    for (size_t i = 0; i < b->disks.n; i++)
        add_export(b, i);
    for (size_t i = 0; b->shield && i < b->disks.n; i++)
        if (!b->disks.items[i].still)
            add_probe(b, i);
}

int begin_pick_port(struct begin *b, struct err *err)
{
    b->ports_tried++;
    return free_port(b->server.host, &b->server.port, err);
}

/* Somebody was quicker than QEMU on the port that we picked: another one.  True: sent again. */
bool begin_try_another_port(struct begin *b)
{
    struct err err = ERR_INIT;

    if (b->next == 0 || b->ports_tried == 0 || b->ports_tried >= PORTS_MAX ||
        !qemu_said(b->task.wait_err.msg, SAID_PORT_TAKEN) || begin_pick_port(b, &err) < 0)
        return false;
    task_call(&b->task, begin_server_command(b));
    return true;
}

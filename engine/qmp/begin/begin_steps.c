/* SPDX-License-Identifier: MIT
 *
 * The commands of a backup's beginning, as lists: what begin.c sends in each state, one after
 * another.  Nothing here waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/domain/side.h"

#define SECRET_MAX 4096

/* ---- attaching ---- */

static const char *place_text(const struct backup_place *place)
{
    if (place->type != PLACE_NETWORK)
        return place->path;
    return place->peer.transport == TRANSPORT_UNIX ? place->peer.socket
           : place->peer.host                      ? place->peer.host
                                                   : "localhost";
}

/* The passphrase goes to QEMU by value: its user need not be able to read the file. */
static void add_secret(struct begin *b, const struct begin_disk *disk, const char *id)
{
    const struct backup_encryption *crypt = &disk->place.encryption;
    CLEANUP_FREE char *text = NULL;
    json_t *value; /* NULL: not UTF-8 */
    size_t len = 0;

    if (read_file(crypt->secret_file, SECRET_MAX, &text, &len, &b->err) < 0) {
        err_wrap(&b->err, "disk %s: secret '%s'", disk->name, crypt->secret);
        return;
    }
    value = json_string(text);
    if (strlen(text) != len || !value)
        err_set(&b->err, ERR_UNSUPPORTED, "disk %s: secret '%s': %s is not UTF-8 text", disk->name,
                crypt->secret, crypt->secret_file);
    else
        begin_step_add(b, disk, command_add_secret(id, text), "hand over secret", crypt->secret);
    json_decref(value);
    explicit_bzero(text, len);
}

/* What is flushed as it is written: a device, which nothing could make flush later, and a peer. */
static bool is_flushed(const struct begin_disk *disk, enum node_role role)
{
    return disk->place.type == PLACE_NETWORK || (disk->is_device && role == NODE_TARGET_FILE);
}

static void add_place_file(struct begin *b, const struct begin_disk *disk, enum node_role role,
                           const char *file)
{
    const struct backup_place *place = &disk->place;
    bool network = place->type == PLACE_NETWORK;
    char tls[OBJECT_ID_MAX];

    object_id(tls, b->tag, "tlsc");
    begin_step_add(b, disk,
                   is_flushed(disk, role)
                       ? command_add_place(file, place, disk->is_device,
                                           network && place->peer.tls ? tls : NULL)
                       : command_add_unflushed(file, place, disk->is_device),
                   "open", place_text(place));
}

/* The two nodes of a place, as a push's target or as a pull's scratch space. */
static void add_place(struct begin *b, const struct begin_disk *disk, enum node_role format_role,
                      enum node_role file_role, const char *backing)
{
    const struct backup_place *place = &disk->place;
    size_t i = begin_disk_index(b, disk);
    char file[NODE_NAME_MAX], format[NODE_NAME_MAX];
    char secret[OBJECT_ID_MAX], what[16];
    struct command add;

    node_name(file, b->tag, i, file_role);
    node_name(format, b->tag, i, format_role);
    snprintf(what, sizeof(what), "k%zu", i);
    object_id(secret, b->tag, what);
    if (place->encryption.secret)
        add_secret(b, disk, secret);
    add_place_file(b, disk, file_role, file);
    add = command_add_format(format, file, disk->format, backing,
                             place->encryption.secret ? secret : NULL);
    /* A raw device may be larger than the disk; QEMU wants them of one size. */
    if (disk->is_device && strcmp(disk->format, "raw") == 0)
        json_object_set_new(add.args, "size",
                            json_integer((json_int_t)disk->source->facts.capacity));
    begin_step_add(b, disk, add, "open", place_text(place));
}

/* Credentials to talk to targets with; one object does for all of them. */
static void add_client_tls(struct begin *b)
{
    const char *dir = b->task.domain->tls_certificates;
    char id[OBJECT_ID_MAX];
    bool wanted = false;

    for (size_t i = 0; i < b->disks.n; i++)
        wanted |= b->disks.items[i].place.type == PLACE_NETWORK && b->disks.items[i].place.peer.tls;
    if (!wanted)
        return;
    object_id(id, b->tag, "tlsc");
    begin_step_add(b, NULL, command_add_tls(id, dir, false, true), "TLS: load", dir);
}

void begin_steps_attach(struct begin *b)
{
    if (b->mode == MODE_PUSH)
        add_client_tls(b);
    for (size_t i = 0; i < b->disks.n; i++) {
        const struct begin_disk *disk = &b->disks.items[i];

        if (b->mode == MODE_PUSH)
            add_place(b, disk, NODE_TARGET, NODE_TARGET_FILE, NULL);
        else if (!b->task.domain->side->no_writer)
            add_place(b, disk, NODE_SCRATCH, NODE_SCRATCH_FILE,
                      begin_shields(b, disk) ? disk->source->top : disk->source->node);
    }
}

/* ---- the instant, and what follows ---- */

static void add_checkpoint(const struct begin *b, json_t *actions)
{
    for (size_t i = 0; i < b->disks.n; i++)
        if (b->disks.items[i].track && !b->task.domain->side->no_writer)
            json_array_append_new(actions, action_bitmap_add(b->disks.items[i].source->node,
                                                             b->disks.items[i].bitmap));
}

/* A copy of what the gate's has, beside the node that is read. */
static const char *add_data(const struct begin *b, size_t i, json_t *actions)
{
    char node[NODE_NAME_MAX], gate[NODE_NAME_MAX];

    begin_source_node(node, b, i);
    node_name(gate, b->tag, i, NODE_GATE);
    json_array_append_new(actions, action_bitmap_add_temporary(node, DATA_BITMAP));
    json_array_append_new(actions, action_bitmap_merge(node, DATA_BITMAP, gate, DATA_BITMAP));
    return DATA_BITMAP;
}

/* A bitmap of what an increment consists of, beside the node that is read: a copy of the base's,
 * which goes on recording; or of what a full does.  Returns its name; NULL: all of the disk. */
static const char *add_increment(const struct begin *b, size_t i, json_t *actions)
{
    const struct begin_disk *disk = &b->disks.items[i];
    const char *base;
    char node[NODE_NAME_MAX];

    if (!disk->base)
        return disk->sounded ? add_data(b, i, actions) : NULL;
    base = disk_facts_checkpoint(&disk->source->facts, disk->base)->name; /* begin_check.c */
    if (b->mode == MODE_PUSH && !b->shield)
        return base;
    begin_source_node(node, b, i);
    json_array_append_new(actions, action_bitmap_add_temporary(node, disk->export_bitmap));
    json_array_append_new(actions,
                          action_bitmap_merge(node, disk->export_bitmap, disk->source->node, base));
    return disk->export_bitmap;
}

/* Unshielded, where QEMU can: what cannot be kept fails the copy, not the guest's write. */
static bool gives_up_itself(const struct begin *b)
{
    return !b->shield && !b->task.domain->side->no_writer && b->task.domain->breaks_snapshot;
}

bool begin_target_is_empty(const struct begin *b, const struct begin_disk *disk)
{
    return b->mode == MODE_PUSH && disk->place.type != PLACE_NETWORK &&
           str_eq(disk->format, "qcow2") && (!b->reuse_external || b->made_empty);
}

/* Of an image that nobody writes to and that stands alone QEMU's own copy can tell what that is. */
static bool copies_allocated(const struct begin *b, const struct begin_disk *disk)
{
    return (disk->still || b->task.domain->side->no_writer) && disk->source->layers.n == 1 &&
           begin_target_is_empty(b, disk);
}

static void add_copies(const struct begin *b, json_t *actions)
{
    for (size_t i = 0; i < b->disks.n; i++) {
        CLEANUP_FREE char *id = job_id(b->tag, i, b->disks.items[i].name);
        const struct copy_options options = {
            .bitmap = add_increment(b, i, actions),
            .allocated = copies_allocated(b, &b->disks.items[i]),
            .speed = b->bandwidth,
            .breaks_snapshot = gives_up_itself(b),
        };
        char node[NODE_NAME_MAX], target[NODE_NAME_MAX];

        begin_source_node(node, b, i);
        node_name(target, b->tag, i, b->mode == MODE_PUSH ? NODE_TARGET : NODE_SCRATCH);
        if (b->mode == MODE_PUSH)
            json_array_append_new(actions, action_backup(id, node, target, &options));
        else if (!b->shield && !b->task.domain->side->no_writer)
            json_array_append_new(actions, action_fleece(id, b->disks.items[i].source->node, target,
                                                         gives_up_itself(b)));
    }
}

/* An empty transaction is none. */
static void add_transaction(struct begin *b, json_t *actions)
{
    if (json_array_size(actions) > 0)
        begin_step_add(b, NULL, command_transaction(actions), "begin", "the backup");
    else
        json_decref(actions);
}

void begin_steps_instant(struct begin *b)
{
    json_t *actions = json_array();
    bool tracks;

    add_checkpoint(b, actions);
    tracks = json_array_size(actions) > 0;
    if (!b->shield)
        add_copies(b, actions);
    add_transaction(b, actions);
    if (tracks)
        b->steps.items[0].makes_checkpoint = true;
    if (b->shield)
        begin_step_add(b, NULL, begin_swap(b), "begin", "the backup");
}

/* The copy has one of its own by now. */
static void drop_data(struct begin *b, size_t i)
{
    char gate[NODE_NAME_MAX];

    node_name(gate, b->tag, i, NODE_GATE);
    begin_step_add(b, &b->disks.items[i], command_bitmap_remove(gate, DATA_BITMAP), "sound", gate);
}

void begin_steps_follow(struct begin *b)
{
    json_t *actions = json_array();

    if (b->shield) {
        begin_add_snapshots(b);
        add_copies(b, actions);
    }
    add_transaction(b, actions);
    for (size_t i = 0; i < b->disks.n; i++)
        if (b->disks.items[i].sounded)
            drop_data(b, i);
    if (b->mode == MODE_PULL)
        begin_add_server(b);
}

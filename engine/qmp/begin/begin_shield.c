/* SPDX-License-Identifier: MIT
 *
 * A copy that cannot harm the guest.
 *
 * blockdev-backup copies what the guest is about to overwrite to its target first, and the guest's
 * write waits for that, and fails when the target is full.  A copy-before-write filter with
 * on-cbw-error=break-snapshot and cbw-timeout does not: what it keeps goes to scratch space, and
 * when that is full or slow the snapshot is given up, not the write.  The copy then reads the
 * snapshot:
 *
 *        device                       device
 *          |                            |
 *        gate (raw)                 gate          job or export
 *          |                            |                |
 *          |        cbw --> scratch    cbw <--------- snapshot
 *          |         |                  |  `--> scratch
 *          +-- top --+                 top
 *         before the instant          after it
 *
 * The gates are put above the disks one by one (qom-set, which is no part of a transaction), the
 * filters are made beside them, and then one blockdev-reopen of all gates swaps what they stand on:
 * every disk at the same instant, and the guest does not have to be stopped for it.  The new
 * checkpoint's bitmaps begin to record just before that instant, and the old one's is read just
 * after it: both cover a little more than needed, never less.
 *
 * QEMU 7.2 (hbitmap_status): what is read of a snapshot is wrong wherever a request begins in a
 * cluster that has gone to the scratch space and reaches beyond those that have.  So a push reads
 * cluster by cluster, and a pull, whose clients read as they like, does not export the snapshot: it
 * exports the scratch image, with the disk as its backing file, as libvirt does.  What that shows
 * is right for as long as the snapshot is not broken; its readers do not notice when it is, so that
 * the job's end tells (begin_serve.c), and nothing counts that was read before a good one.
 *
 * QEMU 7.2: a throttle filter, which would be the natural gate, crashes QEMU above a disk that has
 * an iothread; the raw driver passes everything on as well.  qom-set to the node that is attached
 * already aborts QEMU; tend.c looks before it.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/look/files.h"

static void name(char ret[NODE_NAME_MAX], const struct begin *b, size_t i, enum node_role role)
{
    node_name(ret, b->tag, i, role);
}

bool begin_check_shield(const struct begin *b, char *ret, size_t size)
{
    if (b->mode == MODE_PUSH && !b->scratch) {
        snprintf(ret, size, "no scratch space is configured");
        return false;
    }
    for (size_t i = 0; i < b->disks.n; i++) {
        const char *unsafe = b->disks.items[i].source->facts.unsafe;

        if (unsafe && !b->disks.items[i].still) {
            snprintf(ret, size, "disk %s: %s", b->disks.items[i].name, unsafe);
            return false;
        }
    }
    return true;
}

/* A push's; a pull's is the disk's place. */
static const char *scratch_of(const struct begin *b, const struct begin_disk *disk)
{
    for (size_t i = 0; i < b->images.n; i++)
        if (b->images.items[i].disk == disk && b->images.items[i].scratch)
            return b->images.items[i].path;
    return NULL;
}

static void add_scratch(struct begin *b, const struct begin_disk *disk)
{
    const char *path = scratch_of(b, disk);
    const struct backup_place place = {.type = PLACE_FILE, .path = path};
    size_t i = begin_disk_index(b, disk);
    char format[NODE_NAME_MAX], file[NODE_NAME_MAX];

    name(format, b, i, NODE_SCRATCH);
    name(file, b, i, NODE_SCRATCH_FILE);
    begin_step_add(b, disk, command_add_unflushed(file, &place, false), "open", path);
    begin_step_add(b, disk, command_add_format(format, file, "qcow2", NULL, NULL), "open", path);
}

void begin_steps_shield(struct begin *b)
{
    for (size_t i = 0; i < b->disks.n; i++) {
        const struct begin_disk *disk = &b->disks.items[i];
        char gate[NODE_NAME_MAX], cbw[NODE_NAME_MAX], scratch[NODE_NAME_MAX];
        const char *top = disk->source->top;
        const struct strlist *devices = &disk->source->devices;

        if (disk->still)
            continue;
        name(gate, b, i, NODE_GATE);
        name(cbw, b, i, NODE_CBW);
        name(scratch, b, i, NODE_SCRATCH);
        if (b->mode == MODE_PUSH)
            add_scratch(b, disk);
        begin_step_add(b, disk, command_add_gate(gate, top), "put a gate above", top);
        for (size_t k = 0; k < devices->n; k++)
            begin_step_add(b, disk, command_set_drive(devices->items[k], gate), "attach a gate to",
                           devices->items[k]);
        begin_step_add(b, disk, command_add_cbw(cbw, top, scratch), "put a filter above", top);
    }
}

bool begin_flush_disks(struct begin *b)
{
    CLEANUP(strlist_done) struct strlist files = {0};

    for (size_t i = 0; i < b->disks.n; i++) {
        const struct begin_disk *disk = &b->disks.items[i];
        const char *file =
            begin_shields(b, disk) ? view_find_file(&b->look.view, disk->source->node) : NULL;

        if (file)
            strlist_add(&files, file);
    }
    if (files.n > 0)
        files_sync(&b->task, &files);
    return files.n > 0;
}

struct command begin_swap(const struct begin *b)
{
    json_t *gates = json_array();
    char gate[NODE_NAME_MAX], cbw[NODE_NAME_MAX];

    for (size_t i = 0; i < b->disks.n; i++) {
        if (b->disks.items[i].still)
            continue;
        name(gate, b, i, NODE_GATE);
        name(cbw, b, i, NODE_CBW);
        json_array_append_new(gates, gate_options(gate, cbw));
    }
    return command_swap_gates(gates);
}

void begin_add_snapshots(struct begin *b)
{
    char cbw[NODE_NAME_MAX], snapshot[NODE_NAME_MAX];

    for (size_t i = 0; i < b->disks.n; i++) {
        if (b->disks.items[i].still)
            continue;
        name(cbw, b, i, NODE_CBW);
        name(snapshot, b, i, NODE_SNAPSHOT);
        begin_step_add(b, &b->disks.items[i], command_add_snapshot(snapshot, cbw), "open",
                       "the snapshot");
    }
}

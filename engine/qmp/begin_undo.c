/* SPDX-License-Identifier: MIT
 *
 * Taking a beginning back: formats before files, the last disk first. */
#include <unistd.h>

#include "base/log.h"
#include "engine/qmp/begin.h"

bool begin_undo_next(struct begin *b)
{
    const struct err *err = &b->task.wait_err;

    if (err->code != ERR_NONE)
        log_debug("qmp: %s: undo a backup's beginning: %s", b->task.domain->name, err->msg);
    for (size_t i = b->disks.n; i-- > 0;) {
        struct begin_disk *disk = &b->disks.items[i];
        bool *added = disk->format_added ? &disk->format_added : &disk->file_added;

        if (!*added)
            continue;
        *added = false;
        task_call(&b->task, command_del_node(added == &disk->format_added ? disk->format_node
                                                                          : disk->file_node));
        return true;
    }
    for (size_t i = 0; i < b->disks.n; i++)
        if (b->disks.items[i].created)
            unlink(b->disks.items[i].target);
    return false;
}

/* The jobs first (0), then what QEMU keeps of them (1), then the new checkpoint, disk by disk. */
bool begin_retract_next(struct begin *b)
{
    static const enum reap_goal goals[] = {REAP_ABORT, REAP_FORGET};
    struct err err = ERR_INIT;

    for (; b->next < 2; b->next++) {
        if (!b->retracting)
            reap_init(&b->retract, goals[b->next], b->tag);
        b->retracting = true;
        if (reap_step(&b->retract, &b->task, &err))
            return true;
        b->retracting = false;
        reap_done(&b->retract);
    }
    for (; b->next - 2 < b->disks.n; b->next++) {
        struct begin_disk *disk = &b->disks.items[b->next - 2];

        disk->format_added = disk->file_added = false;
        if (!disk->track)
            continue;
        b->next++;
        task_call(&b->task, command_bitmap_remove(disk->source->node, b->checkpoint));
        return true;
    }
    return false;
}

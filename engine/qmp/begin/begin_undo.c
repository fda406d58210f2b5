/* SPDX-License-Identifier: MIT
 *
 * Taking a beginning back: whatever of its tag is at QEMU (tend.c finds it), then the new
 * checkpoint, then the image files.
 */
#include "base/log.h"
#include "engine/qmp/begin/begin.h"

bool begin_retract_next(struct begin *b)
{
    static const enum tend_goal goals[] = {TEND_ABORT, TEND_FORGET};
    struct err err = ERR_INIT;
    char mark[NODE_NAME_MAX];

    if (b->server_refused) { /* else tending would stop it */
        b->server_refused = false;
        node_name(mark, b->tag, 0, NODE_SERVER_MARK);
        task_call(&b->task, command_del_node(mark));
        return true;
    }
    for (; b->next < 2; b->next++) {
        if (!b->retracting)
            tend_init(&b->retract, goals[b->next], b->tag);
        b->retracting = true;
        if (tend_step(&b->retract, &b->task, &err))
            return true;
        b->retracting = false;
        tend_done(&b->retract);
        if (err.code != ERR_NONE)
            log_debug("qmp: %s: undo a backup's beginning: %s", b->task.domain->name, err.msg);
        err = ERR_INIT;
    }
    for (; b->tracked && b->next - 2 < b->disks.n; b->next++) {
        const struct begin_disk *disk = &b->disks.items[b->next - 2];

        if (!disk->track)
            continue;
        b->next++;
        task_call(&b->task, command_bitmap_remove(disk->source->node, disk->bitmap));
        return true;
    }
    return begin_unlink_images(b, false);
}

/* SPDX-License-Identifier: MIT
 *
 * What every list of a beginning's commands is made with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qmp/begin/begin.h"
#include "engine/qmp/domain/side.h"

void begin_step_add(struct begin *b, const struct begin_disk *disk, struct command command,
                    const char *what, const char *name)
{
    struct begin_step *step = VEC_ADD(&b->steps);

    step->command = command;
    step->what =
        disk ? xasprintf("disk %s: %s %s", disk->name, what, name) : xasprintf("%s %s", what, name);
}

void begin_steps_clear(struct begin *b)
{
    for (size_t i = 0; i < b->steps.n; i++) {
        json_decref(b->steps.items[i].command.args); /* NULL once it was sent */
        free(b->steps.items[i].what);
    }
    free(b->steps.items);
    b->steps = (struct begin_steps){0};
}

size_t begin_disk_index(const struct begin *b, const struct begin_disk *disk)
{
    return (size_t)(disk - b->disks.items);
}

void begin_source_node(char ret[NODE_NAME_MAX], const struct begin *b, size_t i)
{
    if (b->mode == MODE_PULL && !b->task.domain->side->no_writer)
        node_name(ret, b->tag, i, NODE_SCRATCH);
    else if (begin_shields(b, &b->disks.items[i]))
        node_name(ret, b->tag, i, NODE_SNAPSHOT);
    else
        snprintf(ret, NODE_NAME_MAX, "%s", b->disks.items[i].source->node);
}

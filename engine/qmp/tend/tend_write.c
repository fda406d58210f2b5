/* SPDX-License-Identifier: MIT
 *
 * Which files a push writes to. */
#include <string.h>

#include "base/cleanup.h"
#include "engine/qmp/tend/tend.h"
#include "engine/writing.h"

void tend_write_out(const struct tend *td, struct domain *d)
{
    const struct view *v = &td->look.view;
    struct strlist files = {0};

    if (d->writing || d->pid == 0 || td->stats.mode != MODE_PUSH)
        return;
    for (size_t i = 0; i < v->nodes.n; i++)
        if (node_name_is(v->nodes.items[i].name, td->tag, NODE_TARGET_FILE) &&
            v->nodes.items[i].file && strcmp(v->nodes.items[i].driver, "file") == 0)
            strlist_add(&files, v->nodes.items[i].file);
    writing_start(d->owner->loop, (uint32_t)d->pid, &files, &d->writing);
    strlist_done(&files);
}

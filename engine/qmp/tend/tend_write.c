/* SPDX-License-Identifier: MIT
 *
 * Which files a push writes to; and the scratch files, which vmkeep-store holds open beyond the
 * backup's end: whose closing is the last removes them, and QEMU closes in its main loop, for which
 * the guest waits.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/qmp/tend/tend.h"
#include "engine/writing.h"

static void follow(const struct tend *td, struct domain *d, enum node_role role,
                   struct writing **at)
{
    const struct view *v = &td->look.view;
    struct strlist files = {0};

    for (size_t i = 0; !*at && i < v->nodes.n; i++)
        if (node_name_is(v->nodes.items[i].name, td->tag, role) && v->nodes.items[i].file &&
            strcmp(v->nodes.items[i].driver, "file") == 0)
            strlist_add(&files, v->nodes.items[i].file);
    writing_start(d->owner->loop, (uint32_t)d->pid, &files, at);
    strlist_done(&files);
}

void tend_write_out(const struct tend *td, struct domain *d)
{
    if (d->pid == 0)
        return;
    if (td->stats.mode == MODE_PUSH)
        follow(td, d, NODE_TARGET_FILE, &d->writing);
    if (d->holding || strcmp(d->held, td->tag) == 0)
        return;
    snprintf(d->held, sizeof(d->held), "%s", td->tag);
    follow(td, d, NODE_SCRATCH_FILE, &d->holding);
}

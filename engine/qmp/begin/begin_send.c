/* SPDX-License-Identifier: MIT
 *
 * The commands of a state (begin_steps.c), sent one after another. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/wire/texts.h"

/* QEMU names neither disk nor sizes.  Of files and devices they were compared before
 * (begin_given.c). */
static void tell_sizes(struct begin *b)
{
    CLEANUP_FREE char *disks = xstrdup("");

    if (!qemu_said(b->err.msg, SAID_OTHER_SIZE))
        return;
    for (size_t i = 0; i < b->disks.n; i++) {
        char *longer;

        if (b->disks.items[i].place.type != PLACE_NETWORK && !b->made_empty)
            continue;
        longer = xasprintf("%s%sdisk %s has %" PRIu64 " bytes", disks, *disks ? ", " : "",
                           b->disks.items[i].name, b->disks.items[i].source->facts.capacity);
        free(disks);
        disks = longer;
    }
    err_set(&b->err, ERR_INVALID, "a target is not of its disk's size: %s", disks);
}

/* A QEMU has its own view of the machine; a storage daemon has vmkeepd's, which its unit limits. */
static void tell_closed(struct begin *b)
{
    size_t len = strlen(b->err.msg);

    if (!b->server_refused || b->server.transport != TRANSPORT_UNIX ||
        !qemu_said(b->err.msg, SAID_READ_ONLY))
        return;
    if (b->task.domain->side->no_writer)
        explain_closed(b->server.socket, &b->err);
    else
        snprintf(b->err.msg + len, sizeof(b->err.msg) - len,
                 "; that is how QEMU sees it: name a directory in which it can make the socket");
}

bool begin_send_next(struct begin *b)
{
    struct begin_step *step;

    if (b->next > 0 && b->task.wait_err.code != ERR_NONE) {
        if (begin_try_another_port(b))
            return true;
        if (b->err.code == ERR_NONE) {
            b->err = b->task.wait_err;
            err_wrap(&b->err, "%s", b->steps.items[b->next - 1].what);
            tell_sizes(b);
            b->server_refused =
                str_eq(b->steps.items[b->next - 1].command.name, "nbd-server-start");
            tell_closed(b);
        }
        return false;
    }
    if (b->next > 0 && b->steps.items[b->next - 1].makes_checkpoint)
        b->tracked = true;
    if (b->next == b->steps.n || begin_is_bad(b))
        return false;
    step = &b->steps.items[b->next++];
    task_call(&b->task, step->command);
    step->command.args = NULL;
    return true;
}

/* SPDX-License-Identifier: MIT
 *
 * NBD servers that targets are on, and that may stop at any moment.
 *
 * While its copy runs a peer that hangs keeps the copy.  When the copies have ended QEMU writes out
 * and closes the target in its main loop: whatever was flushed before, its NBD client asks the peer
 * once more on each close, and the guest stands still until the answer.  So that wait has an end
 * here, sooner than guests take their disks for dead; then the connection is cut, by the only
 * command that QEMU takes meanwhile.  Before that nothing can be done: a peer may stop between any
 * question whether it answers and the close. */
#include <string.h>

#include "base/text.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/tend/tend.h"

#define SEAL_S 20 /* Linux gives a SCSI or IDE disk 30 */
#define CLOSE_S 5 /* what is sealed has nothing left to write */

static bool is_peer(const struct tend *td, const struct view_node *node)
{
    return node_name_is(node->name, td->tag, NODE_TARGET_FILE) && str_eq(node->driver, "nbd");
}

/* A target, or what is below one, that is on an NBD server. */
static bool is_on_peer(const struct tend *td, const char *node)
{
    const struct view *v = &td->look.view;
    char file[NODE_NAME_MAX];
    size_t disk;

    if (!node_name_is(node, td->tag, NODE_TARGET) && !node_name_is(node, td->tag, NODE_TARGET_FILE))
        return false;
    node_name_parse(node, NULL, &disk, NULL);
    node_name(file, td->tag, disk, NODE_TARGET_FILE);
    for (size_t i = 0; i < v->nodes.n; i++)
        if (strcmp(v->nodes.items[i].name, file) == 0)
            return is_peer(td, &v->nodes.items[i]);
    return false;
}

/* A format that has nothing of its own to write does not reach what is below it, when it is sealed:
 * the server is asked, too. */
void tend_list_seal(struct tend *td, const char *node, const char *file, struct command command)
{
    struct command flush = command_flush(file);

    if (!is_on_peer(td, node)) {
        json_decref(flush.args);
        tend_todo(td, command);
        return;
    }
    flush.timeout_s = command.timeout_s = SEAL_S;
    tend_todo(td, flush);
    tend_todo(td, command);
}

struct command tend_closing(const struct tend *td, const char *node, struct command command)
{
    if (is_on_peer(td, node))
        command.timeout_s = CLOSE_S;
    return command;
}

/* QEMU 7.2 does not notice it on a Unix socket that it waits to write to, and spins instead. */
static bool may_be_writing(const struct view_node *node)
{
    return !node->file || !starts_with(node->file, "nbd://");
}

void tend_cut_peers(struct tend *td)
{
    const struct view *v = &td->look.view;

    for (size_t i = 0; i < v->nodes.n; i++)
        if (is_peer(td, &v->nodes.items[i]) && !may_be_writing(&v->nodes.items[i]))
            tend_todo(td, command_yank(v->nodes.items[i].name));
}

static bool has_peers(const struct tend *td)
{
    for (size_t i = 0; i < td->look.view.nodes.n; i++)
        if (is_peer(td, &td->look.view.nodes.items[i]))
            return true;
    return false;
}

/* Before the rest of the list. */
static void do_first(struct tend *td, struct command command)
{
    tend_todo(td, command); /* room for one more */
    memmove(&td->todo.items[td->next + 1], &td->todo.items[td->next],
            (td->todo.n - 1 - td->next) * sizeof(*td->todo.items));
    td->todo.items[td->next] = command;
}

bool tend_cut_hanging(struct tend *td, bool sealing)
{
    const struct view *v = &td->look.view;
    char mark[NODE_NAME_MAX];

    if (td->cut || td->next == 0 || !has_peers(td))
        return false;
    td->cut = true;
    if (sealing) {
        node_name(mark, td->tag, 0, NODE_CUT_MARK);
        do_first(td, command_add_mark(mark));
    }
    for (size_t i = 0; i < v->nodes.n; i++)
        if (is_peer(td, &v->nodes.items[i]))
            do_first(td, command_yank(v->nodes.items[i].name));
    return true;
}

void tend_say_cut(struct err *err)
{
    *err = ERR_INIT;
    err_set(err, ERR_TIMEOUT,
            "write out the images: an NBD server did not confirm within %d s that it has all",
            SEAL_S);
}

bool tend_was_cut(const struct tend *td)
{
    return td->cut && td->next > 0 && strcmp(td->todo.items[td->next - 1].name, "yank") == 0;
}

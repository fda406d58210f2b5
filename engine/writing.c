/* SPDX-License-Identifier: MIT
 *
 * A MiB at a time.  A copy fills the page cache faster than a disk writes.  Left to the kernel, or
 * to a sync at the end, all of it goes to the disk at once: whatever a guest writes waits behind
 * it, tenths of a second, measured, and so does the backup, for the whole of it.  So vmkeep-store
 * (files-write-out) follows the copy and has no more than a MiB under way.  It is a child beside
 * the copy: when it fails or is gone nothing is lost but the evenness.
 */
#include "engine/writing.h"

#include <stdlib.h>

#include "base/files.h"

struct writing {
    struct writing **at; /* NULL: it is stopped */
    struct op *op;
    struct file_list files; /* stays empty */
};

static void on_written(void *ctx, const struct err *err)
{
    struct writing *w = ctx;

    (void)err;
    if (w->at)
        *w->at = NULL;
    file_list_done(&w->files);
    free(w);
}

void writing_start(struct ev_loop *loop, uint32_t pid, const struct strlist *names,
                   struct writing **at)
{
    const struct files_request q = {.pid = pid, .names = names};
    struct err ignored = ERR_INIT;
    struct writing *w;

    if (*at || names->n == 0)
        return;
    w = xcalloc(1, sizeof(*w));
    w->at = at;
    w->op = files_ask(loop, FILES_WRITE_OUT, &q, 0, &w->files, on_written, w, &ignored);
    if (w->op)
        *at = w;
    else
        free(w);
}

void writing_stop(struct writing **at)
{
    struct writing *w = *at;

    if (!w)
        return;
    *at = NULL;
    w->at = NULL;
    op_cancel(w->op);
}

/* SPDX-License-Identifier: MIT
 *
 * Targets are brought onto their medium while they grow, a MiB at a time.
 *
 * A copy fills the page cache faster than a disk writes.  Left to the kernel, or to a sync at the
 * end, all of it goes to the disk at once, and whatever a guest writes waits behind it: tenths of a
 * second, measured.  So vmkeep-store (files-write-out) follows the copy and has no more than a MiB
 * under way.  It is a child beside the domain's tasks: when it fails or is gone nothing is lost but
 * the evenness.
 */
#include <stdlib.h>

#include "engine/qmp/domain/domain.h"

struct writing {
    struct domain *domain; /* NULL: it is stopped */
    struct op *op;
    struct file_list files; /* stays empty */
};

static void on_written(void *ctx, const struct err *err)
{
    struct writing *w = ctx;

    (void)err;
    if (w->domain)
        w->domain->writing = NULL;
    file_list_done(&w->files);
    free(w);
}

void writing_start(struct domain *d, const struct strlist *names)
{
    const struct files_request q = {.pid = (uint32_t)d->pid, .names = names};
    struct err ignored = ERR_INIT;
    struct writing *w;

    if (d->writing || names->n == 0 || d->pid == 0)
        return;
    w = xcalloc(1, sizeof(*w));
    w->domain = d;
    w->op = files_ask(d->owner->loop, FILES_WRITE_OUT, &q, 0, &w->files, on_written, w, &ignored);
    if (w->op)
        d->writing = w;
    else
        free(w);
}

void writing_stop(struct domain *d)
{
    struct writing *w = d->writing;

    if (!w)
        return;
    d->writing = NULL;
    w->domain = NULL;
    op_cancel(w->op);
}

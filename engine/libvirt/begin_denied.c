/* SPDX-License-Identifier: MIT
 *
 * What keeps QEMU from a file of the backup: a directory above it, which vmkeep-store finds (the
 * loop waits for no file system), else what denied.h says of the domain.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "engine/libvirt/begin.h"
#include "engine/libvirt/denied.h"

#define FILES_S 10.0

static const char *place_of(const struct libvirt_begin *b)
{
    return b->disks.n ? b->disks.items[0].place.path : NULL;
}

static void tried(struct libvirt_task *t)
{
    struct libvirt_begin *b = (struct libvirt_begin *)t;
    const struct file_fact *f = b->places.n ? &b->places.items[0] : NULL;
    size_t len = strlen(b->err.msg);

    if (f && f->has_name && f->error && f->error->code == ERR_DENIED)
        snprintf(b->err.msg + len, sizeof(b->err.msg) - len, "; %s", f->error->msg);
    else
        libvirt_explain_denied(b->facts, place_of(b), &b->err);
    b->explained(t);
}

void libvirt_begin_explain(struct libvirt_begin *b, libvirt_step then)
{
    CLEANUP_FREE char *path = libvirt_denied_path(&b->err, place_of(b)), *probe = NULL;
    CLEANUP(strlist_done) struct strlist paths = {0};
    const struct files_request q = {.names = &paths, .uid = b->facts->uid, .gid = b->facts->gid};
    char *slash = path ? strrchr(path, '/') : NULL;

    /* Without QEMU's group the directory that bars is one that vmkeepd makes for each job. */
    if (!slash || !b->task.host->local || !libvirt_can_share(b->facts)) {
        libvirt_explain_denied(b->facts, place_of(b), &b->err);
        then(&b->task);
        return;
    }
    *slash = '\0';
    probe = xasprintf("%s/.vmkeep-way", path);
    strlist_add(&paths, probe);
    b->explained = then;
    b->task.steady = true;
    file_list_done(&b->places);
    libvirt_task_files(&b->task, FILES_TRY, &q, FILES_S, &b->places, tried);
}

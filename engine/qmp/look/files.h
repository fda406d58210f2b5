/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  Do the files that QEMU has open answer?
 *
 * QEMU asks files for their size (query-named-block-nodes, query-block), and waits for writes under
 * way and writes out what is left (blockdev-reopen, blockdev-del) in its main loop.  A file that
 * hangs, on a dead NFS server say, keeps it, and the guest stands still for as long as that lasts.
 * So vmkeep-store (base/files.h) asks first, and QEMU is not asked when that gets no answer.
 *
 * Files are found by the descriptors of the process, so that it works for those without a name,
 * too; where we may not look at these, by their names.  What we may not open counts as an
 * answer. */
#ifndef VMKEEP_ENGINE_QMP_FILES_H
#define VMKEEP_ENGINE_QMP_FILES_H

#include "engine/qmp/domain/domain.h"

/* Each suspends the task; ERR_TIMEOUT, with the file's name: it does not answer. */

/* What are all of them, and those of these names (NULL: none more)?  The task's files tell. */
void files_look(struct task *t, const struct strlist *names);

/* Do those of these names take a change? */
void files_touch(struct task *t, const struct strlist *names);

/* Brings those of these names onto their medium.  Other errors count too. */
void files_sync(struct task *t, const struct strlist *names);

#endif

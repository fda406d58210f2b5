/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  Backups of a domain that does not run: a second domain object of the same
 * code stands for its images, and its QMP session is that of a qemu-storage-daemon that we start.
 *
 *   begin's task, on the domain that is shut off
 *     -> moves to the second domain's line; from there on, in this order:
 *        reading     qemu-img info: are the disks there, is the request in order?
 *        marking     qemu-img bitmap --add, the new checkpoint's bitmaps
 *        watching    from now on nobody may write to the images; nor has anybody one open
 *        connecting  the storage daemon starts
 *        attaching   it opens the images, read-only
 *     -> goes on as any other beginning does.
 *   Tasks on the job that come in the domain's line move to the second domain's line by its tag.
 *   job_forget ends the storage daemon; the second domain object is used up then.
 *
 * WHAT HOLDS
 * - The storage daemon never opens an image for writing: it may die at any time (and does, with
 *   us), and no bitmap is lost (a writer that is killed leaves them all inconsistent).
 * - A domain that starts meanwhile comes first.  The storage daemon takes no locks (force-share),
 *   so nobody is turned away; only qemu-img bitmap does, for some 10 ms.
 * - A copy during which somebody wrote to the images is never called good, for it is torn.  So the
 *   files are watched from before it is asked whether somebody has them open until all jobs have
 *   ended (image_watch.h).  A QEMU that opens an image with bitmaps marks them as in use, which is
 *   a write too: then the copy is given up although it may be whole.  Later the backup goes through
 *   that QEMU, based on the same bitmaps.
 * - Writes between marking and watching are in the new bitmaps and in the copy: a superset.
 */
#ifndef VMKEEP_ENGINE_QMP_OFFLINE_H
#define VMKEEP_ENGINE_QMP_OFFLINE_H

#include "engine/qmp/domain/domain.h"

/* What stands for the images of that domain while a backup of it is there, running or ended. */
struct domain *offline_of(const struct domain *d);
/* Its tag. */
const char *offline_tag(const struct domain *d);

/* ERR_BUSY while the images must not be changed: a copy of them is being made. */
int offline_check_idle(const struct domain *d, struct err *err);

/* Moves a task on a tag's jobs to where they are.  True: it has gone there. */
bool offline_route(struct task *t, const char *tag);

#endif

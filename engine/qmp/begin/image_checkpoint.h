/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A part of a task: a checkpoint is made on, or deleted from, the images of
 * a domain that does not run. */
#ifndef VMKEEP_ENGINE_QMP_IMAGE_CHECKPOINT_H
#define VMKEEP_ENGINE_QMP_IMAGE_CHECKPOINT_H

#include "engine/qmp/offline/image.h"

struct image_checkpoint {
    bool started, listed, asked;
    bool undoing;
    struct images images;
    struct strlist todo, bitmaps; /* names of disks, and of the bitmap on each */
    size_t next;
    struct err err; /* the first one */
};

/* To be called by the task's step, first of all too.  disks: where to make it, all of them or none;
 * NULL: delete it wherever it is.  True: suspended. False: it has ended, and *err says how. */
bool image_checkpoint_step(struct image_checkpoint *c, struct task *t, const char *name,
                           const struct strlist *disks, struct err *err);
void image_checkpoint_done(struct image_checkpoint *c);

#endif

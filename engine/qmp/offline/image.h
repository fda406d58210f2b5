/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The images of a domain that does not run: what is in them, and whether
 * somebody has them open.
 *
 * They are read with qemu-img --force-share, and locks are only asked for, never taken, so that a
 * QEMU that starts at this moment is not turned away.
 */
#ifndef VMKEEP_ENGINE_QMP_IMAGE_H
#define VMKEEP_ENGINE_QMP_IMAGE_H

#include "engine/qmp/domain/domain.h"

struct image {
    char *path, *format;
    struct disk_facts facts;
    struct strlist files; /* the image and all that is below it */
};

struct images {
    VEC(struct image) items;
    struct strlist wanted; /* names of disks */
    const struct view_disk_name *reading;
    size_t next;
    bool looking;           /* at the files, which comes last */
    struct file_list files; /* as they were then */
    struct err why;         /* an image could not be read; ERR_NONE: all could */
};

/* What `qemu-img info --output=json --backing-chain` has printed, for a disk of that configuration.
 * ERR_UNSUPPORTED for images that are no files alone. *ret is filled as far as it got. */
int image_decode(const char *text, const struct view_disk_name *disk, struct image *ret,
                 struct err *err);
void image_done(struct image *image);

/* A part of a task: reads the images of the disks of these names (copied; NULL: of all) that the
 * domain's configuration has.  images_start suspends the task; then images_step, until it no longer
 * returns LOOK_WAITING.  An error names the disk; what was read before it stays. */
void images_start(struct images *im, struct task *t, const struct strlist *wanted);
enum look_result images_step(struct images *im, struct task *t, struct err *err);
const struct image *images_find(const struct images *im, const char *disk);
/* Looks at their files anew: suspends the task; then images_take_files. */
void images_look(const struct images *im, struct task *t);
int images_take_files(struct images *im, struct task *t, struct err *err);
/* ERR_BUSY when some process had one of the files open for writing when they were last looked at.
 * QEMU's locks tell (bytes 100 and on of a file: one for each permission that is in use;
 * block/file-posix.c). */
int images_check_free(const struct images *im, struct err *err);
void images_done(struct images *im);

/* Adds or removes a bitmap: the one thing that opens an image for writing, for some 10 ms. */
void image_bitmap_add(struct task *t, const struct image *image, const char *name);
void image_bitmap_remove(struct task *t, const struct image *image, const char *name);
/* How that has ended; refusals in words. */
int image_bitmap_ended(const struct task *t, const struct image *image, struct err *err);

#endif

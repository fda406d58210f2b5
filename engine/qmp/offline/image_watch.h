/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  Has anybody written to these files since?
 *
 * Told by inotify at once, and by the files' times and sizes when these are looked at: writes of
 * the kernel's AIO raise no inotify event, and a time is no finer than a clock tick. */
#ifndef VMKEEP_ENGINE_QMP_IMAGE_WATCH_H
#define VMKEEP_ENGINE_QMP_IMAGE_WATCH_H

#include <ev.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/files.h"

struct image_watch {
    int fd; /* 0: not watching */
    ev_io readable;
    struct ev_loop *loop;
    struct strlist paths;
    struct file_list was;
    char *changed; /* the first file that was; NULL: none */
    void (*notify)(void *ctx);
    void *ctx;
};

/* notify: something was written, from the loop; once. */
int image_watch_start(struct image_watch *w, struct ev_loop *loop, void (*notify)(void *ctx),
                      void *ctx, struct err *err);
/* Files that have just been found to answer: this waits for them. */
int image_watch_add(struct image_watch *w, const char *path, struct err *err);
/* How the files are, after all were added: they are held against that later.  Copied. */
void image_watch_is(struct image_watch *w, const struct file_list *files);

/* The file that was written to before they were so; or NULL. */
const char *image_watch_changed(struct image_watch *w, const struct file_list *files);

/* Idempotent. What has been found stays. */
void image_watch_stop(struct image_watch *w);
void image_watch_done(struct image_watch *w);

#endif

/* SPDX-License-Identifier: MIT */
#include "engine/qmp/offline/image_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Events need not be looked at one by one: any of them is too much. */
static bool had_events(const struct image_watch *w)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool had = false;

    while (w->fd > 0 && read(w->fd, buf, sizeof(buf)) > 0)
        had = true;
    return had;
}

static bool is_changed(const struct file_fact *was, const struct file_fact *now)
{
    return !file_is_same(was, now) || now->size != was->size || now->changed != was->changed;
}

const char *image_watch_changed(struct image_watch *w, const struct file_list *files)
{
    bool events = had_events(w);

    for (size_t i = 0; w->fd > 0 && !w->changed && i < w->paths.n; i++) {
        const char *path = w->paths.items[i];

        if (is_changed(file_find_named(&w->was, path), file_find_named(files, path)))
            w->changed = xstrdup(path);
    }
    if (events && !w->changed)
        w->changed = xstrdup(w->paths.items[0]);
    return w->changed;
}

static void on_event(struct ev_loop *loop, ev_io *io, int revents)
{
    struct image_watch *w = io->data;

    (void)revents;
    ev_io_stop(loop, io); /* once is enough, and a busy writer would keep us busy */
    w->notify(w->ctx);
}

int image_watch_start(struct image_watch *w, struct ev_loop *loop, void (*notify)(void *ctx),
                      void *ctx, struct err *err)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, "watch images");
    *w = (struct image_watch){.fd = fd, .loop = loop, .notify = notify, .ctx = ctx};
    ev_io_init(&w->readable, on_event, fd, EV_READ);
    w->readable.data = w;
    ev_io_start(loop, &w->readable);
    return 0;
}

int image_watch_add(struct image_watch *w, const char *path, struct err *err)
{
    if (inotify_add_watch(w->fd, path, IN_MODIFY) < 0)
        return err_errno(err, errno, "watch %s", path);
    strlist_add(&w->paths, path);
    return 0;
}

void image_watch_is(struct image_watch *w, const struct file_list *files)
{
    file_list_done(&w->was);
    for (size_t i = 0; i < w->paths.n; i++) {
        const struct file_fact *f = file_find_named(files, w->paths.items[i]);

        if (f)
            *VEC_ADD(&w->was) = (struct file_fact){.path = xstrdup(f->path),
                                                   .missing = f->missing,
                                                   .device = f->device,
                                                   .inode = f->inode,
                                                   .size = f->size,
                                                   .changed = f->changed};
    }
}

void image_watch_stop(struct image_watch *w)
{
    if (w->fd <= 0)
        return;
    ev_io_stop(w->loop, &w->readable);
    close(w->fd);
    w->fd = 0;
}

void image_watch_done(struct image_watch *w)
{
    image_watch_stop(w);
    strlist_done(&w->paths);
    file_list_done(&w->was);
    free(w->changed);
    *w = (struct image_watch){0};
}

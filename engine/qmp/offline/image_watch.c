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

static bool is_changed(const struct watched_file *f)
{
    const struct stat *was = &f->was;
    struct stat now;

    return stat(f->path, &now) < 0 || now.st_ino != was->st_ino || now.st_dev != was->st_dev ||
           now.st_size != was->st_size || now.st_mtim.tv_sec != was->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != was->st_mtim.tv_nsec;
}

const char *image_watch_changed(struct image_watch *w)
{
    bool events = had_events(w);

    for (size_t i = 0; w->fd > 0 && !w->changed && i < w->files.n; i++)
        if (is_changed(&w->files.items[i]))
            w->changed = xstrdup(w->files.items[i].path);
    if (events && !w->changed)
        w->changed = xstrdup(w->files.items[0].path);
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
    struct watched_file *file = VEC_ADD(&w->files);

    file->path = xstrdup(path);
    if (inotify_add_watch(w->fd, path, IN_MODIFY) < 0)
        return err_errno(err, errno, "watch %s", path);
    if (stat(path, &file->was) < 0)
        return err_errno(err, errno, "%s", path);
    return 0;
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
    for (size_t i = 0; i < w->files.n; i++)
        free(w->files.items[i].path);
    free(w->files.items);
    free(w->changed);
    *w = (struct image_watch){0};
}

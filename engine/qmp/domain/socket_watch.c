/* SPDX-License-Identifier: MIT
 *
 * Sees a domain's socket appear, so that a QEMU that was started is known at once.
 *
 * The socket's directory is watched, or as much of its path as is there.  Without inotify (its
 * limits are reached) the timer of connection.c does the same, more slowly. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/qmp/domain/side.h"

/* Made, moved there, or given other permissions; and that the directory itself goes. */
#define MASK                                                                                       \
    (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |            \
     IN_EXCL_UNLINK)

/* Cuts the last part off a path.  False: it was the root. */
static bool to_parent(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || !path[1])
        return false;
    slash[slash == path] = '\0';
    return true;
}

/* The watch of the innermost directory of the path that is there; -1: none.  *depth: its name's
 * length. */
static int watch_innermost(int fd, const char *socket, size_t *depth)
{
    CLEANUP_FREE char *path = xstrdup(socket);
    int wd = -1;

    *depth = 0;
    while (wd < 0 && to_parent(path)) {
        wd = inotify_add_watch(fd, path, MASK);
        if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
            break;
        *depth = strlen(path);
    }
    return wd;
}

void socket_watch_domain(struct domain *d)
{
    struct socket_watch *w = &d->owner->watch;
    size_t depth, seen;

    if (w->fd < 0 || !d->side->reconnects || d->qmp[0] != '/')
        return;
    d->watch = watch_innermost(w->fd, d->qmp, &depth);
    /* What was made between two looks told nobody. */
    for (int i = 0; i < 8 && d->watch >= 0; i++) {
        seen = depth;
        d->watch = watch_innermost(w->fd, d->qmp, &depth);
        if (seen == depth)
            break;
    }
    d->watch_whole = d->watch >= 0 && depth + strlen(strrchr(d->qmp, '/')) >= strlen(d->qmp);
}

static void tell(struct qmp_hypervisor *owner, const struct inotify_event *e)
{
    for (size_t i = 0; i < owner->domains.n; i++) {
        struct domain *d = owner->domains.items[i];
        const char *name = strrchr(d->qmp, '/');

        if (d->client || (d->watch != e->wd && !(e->mask & IN_Q_OVERFLOW)))
            continue;
        if (d->watch_whole && e->len && name && strcmp(name + 1, e->name) != 0)
            continue;
        socket_watch_domain(d);
        owner->watch.appeared(d);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    struct qmp_hypervisor *owner = w->data;
    ssize_t n = read(w->fd, buf, sizeof(buf));

    (void)loop;
    (void)revents;
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const void *)(buf + at);

        tell(owner, e);
        at += (ssize_t)sizeof(*e) + e->len;
    }
}

void socket_watch_start(struct qmp_hypervisor *owner, void (*appeared)(struct domain *d))
{
    struct socket_watch *w = &owner->watch;

    w->appeared = appeared;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) {
        log_debug("qmp: no inotify: %s", strerror(errno));
        return;
    }
    ev_io_init(&w->io, on_readable, w->fd, EV_READ);
    w->io.data = owner;
    ev_io_start(owner->loop, &w->io);
}

void socket_watch_stop(struct qmp_hypervisor *owner)
{
    if (owner->watch.fd < 0)
        return;
    ev_io_stop(owner->loop, &owner->watch.io);
    close(owner->watch.fd);
    owner->watch.fd = -1;
}

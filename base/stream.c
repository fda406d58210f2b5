/* SPDX-License-Identifier: MIT */
#include "base/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

int stream_connect(const char *path, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    CLEANUP_CLOSE int fd = -1;

    if (strlen(path) >= sizeof(addr.sun_path))
        return err_errno(err, ENAMETOOLONG, "connect %s", path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, errno, "socket");
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return take_fd(&fd);
    /* A listener's queue is full of others that wait for their turn. */
    if (errno == EAGAIN)
        return err_set(err, ERR_BUSY, "connect %s: in use by another client", path);
    return err_errno(err, errno, "connect %s", path);
}

static void give_up(struct stream *s, const struct err *err)
{
    ev_io_stop(s->loop, &s->readable);
    ev_io_stop(s->loop, &s->writable);
    s->events->broken(s->ctx, err);
}

static void too_long(struct stream *s)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_PROTOCOL, "a line of more than %zu bytes", s->line_max);
    give_up(s, &err);
}

/* Hands out the whole lines.  False when that was the end of it. */
static bool give_lines(struct stream *s)
{
    bool closed = false;
    size_t len;
    char *line;

    while ((line = lines_next(&s->in, &len))) {
        if (len > s->line_max) {
            too_long(s);
            return false;
        }
        s->closed = &closed;
        s->events->line(s->ctx, line, len);
        if (closed)
            return false;
        s->closed = NULL;
    }
    if (lines_unfinished(&s->in) > s->line_max) {
        too_long(s);
        return false;
    }
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct stream *s = w->data;
    struct err err = ERR_INIT;
    size_t room;
    char *to;
    ssize_t n;

    (void)loop;
    (void)revents;
    if (s->overflowed) {
        err_set(&err, ERR_TIMEOUT, "the other side does not read");
        give_up(s, &err);
        return;
    }
    to = lines_room(&s->in, &room);
    n = read(s->fd, to, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        if (n < 0)
            err_errno(&err, errno, "connection lost");
        else
            err_set(&err, ERR_REMOTE, "connection closed by the other side");
        err.code = ERR_REMOTE;
        give_up(s, &err);
        return;
    }
    lines_put(&s->in, (size_t)n);
    if (give_lines(s) && s->events->unfinished)
        s->events->unfinished(s->ctx, lines_unfinished(&s->in));
}

static void flush(struct stream *s)
{
    ssize_t n = send(s->fd, s->out, s->out_len, MSG_NOSIGNAL);

    /* An error here is seen by the reading side, too; what is to be sent does not matter then. */
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        n = (ssize_t)s->out_len;
    if (n > 0) {
        s->out_len -= (size_t)n;
        memmove(s->out, s->out + n, s->out_len);
    }
    if (s->out_len) {
        ev_io_start(s->loop, &s->writable);
        return;
    }
    ev_io_stop(s->loop, &s->writable);
    free(TAKE_PTR(s->out));
    s->out_cap = 0;
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    flush(w->data);
}

void stream_open(struct stream *s, struct ev_loop *loop, int fd, size_t line_max,
                 const struct stream_events *events, void *ctx)
{
    *s =
        (struct stream){.loop = loop, .fd = fd, .line_max = line_max, .events = events, .ctx = ctx};
    ev_io_init(&s->readable, on_readable, fd, EV_READ);
    ev_io_init(&s->writable, on_writable, fd, EV_WRITE);
    s->readable.data = s->writable.data = s;
    ev_io_start(loop, &s->readable);
}

void stream_send(struct stream *s, const char *data, size_t len)
{
    if (s->fd < 0 || len == 0 || s->overflowed)
        return;
    if (s->out_max && s->out_len + len > s->out_max) {
        s->overflowed = true;
        ev_feed_event(s->loop, &s->readable, EV_CUSTOM);
        return;
    }
    if (s->out_cap - s->out_len < len) {
        s->out_cap = (s->out_len + len) * 2;
        s->out = xreallocarray(s->out, s->out_cap, 1);
    }
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
    if (!ev_is_active(&s->writable))
        flush(s);
}

bool stream_send_fd(struct stream *s, const char *data, size_t len, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {(void *)data, len};
    struct msghdr msg = {.msg_iov = &bytes,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
    ssize_t n;

    if (s->fd < 0 || s->out_len > 0)
        return false;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
    if (n < 0)
        return false;
    stream_send(s, data + n, len - (size_t)n);
    return true;
}

void stream_close(struct stream *s)
{
    if (s->closed)
        *s->closed = true;
    s->closed = NULL;
    if (s->fd >= 0) {
        ev_io_stop(s->loop, &s->readable);
        ev_io_stop(s->loop, &s->writable);
        close(take_fd(&s->fd));
    }
    lines_done(&s->in);
    free(TAKE_PTR(s->out));
    s->out_len = s->out_cap = 0;
}

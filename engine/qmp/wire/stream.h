/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A connected, non-blocking unix socket as a stream of lines, for QMP and
 * for the guest agent.  Idle, it holds no buffer and wakes nobody.
 */
#ifndef VMKEEP_ENGINE_QMP_STREAM_H
#define VMKEEP_ENGINE_QMP_STREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct stream_events {
    /* One line, NUL-terminated, without its end; it may be changed in place. */
    void (*line)(void *ctx, char *line, size_t len);
    /* The peer closed, or sent a line that is too long: nothing more comes. */
    void (*broken)(void *ctx, const struct err *err);
};

/* A part of whatever owns it.  Either callback may call stream_close and free the owner. */
struct stream {
    struct ev_loop *loop;
    int fd; /* -1: closed */
    size_t line_max;
    const struct stream_events *events;
    void *ctx;
    ev_io readable, writable;
    char *in, *out;
    size_t in_len, in_cap, in_scanned, out_len, out_cap;
    bool *closed; /* tells a callback's caller that the stream went away under it */
};

/* A non-blocking connection to a unix socket; the descriptor, or -1. */
int stream_connect(const char *path, struct err *err);

/* Takes over fd. */
void stream_open(struct stream *s, struct ev_loop *loop, int fd, size_t line_max,
                 const struct stream_events *events, void *ctx);

/* Sends what it is given, at once or when the peer takes it; trouble is told by `broken`, later. */
void stream_send(struct stream *s, const char *data, size_t len);

/* The same, with a descriptor beside it, which stays the caller's (unix(7), SCM_RIGHTS).  False:
 * not now, for something waits to be sent; nothing was. */
bool stream_send_fd(struct stream *s, const char *data, size_t len, int fd);

/* Idempotent. */
void stream_close(struct stream *s);

#endif

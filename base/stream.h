/* SPDX-License-Identifier: MIT
 *
 * stream: a connected, non-blocking unix socket as a stream of lines, on a loop.  Idle, it holds no
 * buffer and wakes nobody.
 */
#ifndef VMKEEP_BASE_STREAM_H
#define VMKEEP_BASE_STREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/lines.h"

struct stream_events {
    /* One line, NUL-terminated, without its end; it may be changed in place. */
    void (*line)(void *ctx, char *line, size_t len);
    /* Nothing more comes: the peer closed (ERR_REMOTE), sent a line that is too long
     * (ERR_PROTOCOL) or does not read (ERR_TIMEOUT). */
    void (*broken)(void *ctx, const struct err *err);
    /* Something came, its whole lines were given, and n bytes are of one that is not whole; may be
     * NULL. */
    void (*unfinished)(void *ctx, size_t n);
};

/* A part of whatever owns it.  Any callback may call stream_close and free the owner. */
struct stream {
    struct ev_loop *loop;
    int fd; /* -1: closed */
    size_t line_max;
    size_t out_max; /* so much may wait to be sent, or it is broken; 0: anything. Set when open. */
    const struct stream_events *events;
    void *ctx;
    ev_io readable, writable;
    struct lines in;
    char *out;
    size_t out_len, out_cap;
    bool overflowed;
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

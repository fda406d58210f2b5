/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A QMP session: framing, handshake, ids, deadlines, events.
 *
 * Commands are answered in any order, found by their id.  One that is not answered in time fails
 * with ERR_TIMEOUT and leaves a tombstone, so that its late answer is known and dropped; with three
 * of them the other side counts as hung and the session ends.  When a session ends, every open call
 * fails first, then `closed` runs.
 */
#ifndef VMKEEP_ENGINE_QMP_CLIENT_H
#define VMKEEP_ENGINE_QMP_CLIENT_H

#include <jansson.h>

#include "base/err.h"

struct ev_loop;
struct qmp_client;

/* Each runs from the loop; each may call qmp_client_free. */
struct qmp_client_events {
    void (*ready)(void *ctx); /* the handshake is done: commands may be sent */
    void (*event)(void *ctx, const char *name, json_t *data); /* data: borrowed, may be NULL */
    void (*closed)(void *ctx, const struct err *err); /* last of all; free the client then */
};

/* Exactly once, from the loop, never from inside qmp_call.  ret: borrowed; NULL with an error. */
typedef void (*qmp_reply)(void *ctx, json_t *ret, const struct err *err);

/* Takes over fd, a connected non-blocking socket.  The handshake may last greeting_s; QEMU serves
 * one client a socket and lets others wait without a word, so a greeting that does not come is
 * ERR_BUSY. */
struct qmp_client *qmp_client_new(struct ev_loop *loop, int fd, double greeting_s,
                                  const struct qmp_client_events *events, void *ctx);

/* args: taken over; NULL for none. */
void qmp_call(struct qmp_client *c, const char *command, json_t *args, double timeout_s,
              qmp_reply reply, void *ctx);
/* The same, for a command that takes a descriptor; it stays the caller's.  While QEMU does not read
 * what was sent before, it is not passed on, and QEMU says so. */
void qmp_call_fd(struct qmp_client *c, const char *command, json_t *args, int fd, double timeout_s,
                 qmp_reply reply, void *ctx);

/* The first number of QEMU's version; 0 before the greeting. */
int qmp_client_major(const struct qmp_client *c);

/* False once the session has ended, also while its calls are being failed. */
bool qmp_client_is_open(const struct qmp_client *c);

/* NULL-safe.  Open calls are dropped, their replies do not run. */
void qmp_client_free(struct qmp_client *c);

#endif

/* SPDX-License-Identifier: MIT
 *
 * peer: one libvirtd, by way of vmkeep-libvirt, for as long as it is wanted.  The program is
 * started, and started again whenever it ends, with a growing pause; one that does not answer in
 * time is killed, whatever hangs in it.  vmkeep-libvirt(1) has the requests and the events.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_PEER_H
#define VMKEEP_ENGINE_LIBVIRT_PEER_H

#include <stdbool.h>

#include "base/op.h"
#include "base/record.h"

struct ev_loop;
struct peer;

/* None of these may free the peer. */
struct peer_events {
    /* Requests are answered from now on.  Events were lost while it was down: ask how all is. */
    void (*up)(void *ctx);
    /* It cannot be asked now, and why: once for each time that it was up, and at each attempt that
     * fails for another reason than the last one. */
    void (*down)(void *ctx, const struct err *why);
    /* The object in "event"; borrowed. */
    void (*event)(void *ctx, const json_t *event);
};

/* program: of ours; NULL: vmkeep-libvirt.  Tells nothing from inside. */
struct peer *peer_new(struct ev_loop *loop, const char *uri, const char *program,
                      const struct peer_events *events, void *ctx);

/* What was asked completes first, with ERR_CANCELED, from inside.  NULL-safe. */
void peer_free(struct peer *p);

/* False: *why (may be NULL) says why not, without the URI. */
bool peer_is_up(const struct peer *p, struct err *why);

struct peer_ask {
    const char *what;                      /* to do */
    const struct record *request, *answer; /* answer NULL: success or an error alone */
    const void *value;                     /* the request; borrowed for the start */
    void *ret;                             /* the caller's, released with record_done */
    double timeout_s; /* then it fails with ERR_TIMEOUT, and the program is ended */
};

/* ERR_REMOTE: it is not up, or goes down meanwhile; what was asked may have been done.  Else what
 * libvirt says.  A cancel ends the waiting, not the call. */
struct op *peer_ask(struct peer *p, const struct peer_ask *ask, op_done done, void *ctx,
                    struct err *err);

#endif

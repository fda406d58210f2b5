/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The guest's file systems, frozen and, above all, thawed.
 *
 * The agent does not thaw by itself when the connection is lost.  So a thaw that is owed is tried
 * until the agent has confirmed it, or until there is nobody left to thaw; and that it is owed is
 * written down at QEMU itself (the mark, ids.h) before the freeze, where a successor of a daemon
 * that died finds it.
 */
#ifndef VMKEEP_ENGINE_QMP_FREEZER_H
#define VMKEEP_ENGINE_QMP_FREEZER_H

#include <stdbool.h>

#include "base/err.h"

struct ev_loop;
struct freezer;

/* Exactly once, from the loop.  err: NULL for success. */
typedef void (*freezer_done)(void *ctx, const struct err *err);

/* What the freezer asks of its owner, and tells it. */
struct freezer_owner {
    void (*thawed)(void *ctx);   /* a thaw that nobody waited for (any more) was confirmed */
    bool (*is_there)(void *ctx); /* does the guest still run, whatever its agent's socket says? */
    void *ctx;
};

struct freezer *freezer_new(struct ev_loop *loop, const char *path,
                            const struct freezer_owner *owner);

/* limit_s: in which the caller wants it frozen and thawed again; some of that is kept for what is
 * done in between.  Also after an error the guest may be frozen, or become so: call freezer_thaw in
 * any case. */
void freezer_freeze(struct freezer *f, int limit_s, freezer_done done, void *ctx);

/* Not before the answer to a freeze.  done (may be NULL): confirmed; or not so within 10 s, and
 * tried again in the background.  At once when nothing is owed. */
void freezer_thaw(struct freezer *f, freezer_done done, void *ctx);

/* The last thaw was confirmed, and no freeze was tried since. */
bool freezer_is_thawed(const struct freezer *f);

/* It does nothing with the agent now, nor will it by itself. */
bool freezer_is_idle(const struct freezer *f);

/* How often a thaw that is owed was tried in vain; 0: none is owed, or the first try goes on.
 * *ret_why: how the last try ended; borrowed. */
int freezer_thaw_tries(const struct freezer *f, const char **ret_why);

/* Seconds since a freeze that is not taken back yet; -1: none is known of. */
double freezer_frozen_for(const struct freezer *f);

/* How long the file systems were frozen, from the agent's answer to the thaw's. */
int freezer_frozen_ms(const struct freezer *f);

/* NULL-safe; drops what is under way.  A guest that is frozen is sent a thaw before that. */
void freezer_free(struct freezer *f);

#endif

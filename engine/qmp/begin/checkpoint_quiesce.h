/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A checkpoint's making while the guest's file systems are frozen. */
#ifndef VMKEEP_ENGINE_QMP_CHECKPOINT_QUIESCE_H
#define VMKEEP_ENGINE_QMP_CHECKPOINT_QUIESCE_H

#include <ev.h>

#include "engine/qmp/look/look.h"

struct freezer;

struct checkpoint_quiesce {
    int step; /* 0: not asked for, or not begun */
    struct freezer *freezer;
    struct ev_loop *loop;
    ev_timer hold; /* how long the guest may stay frozen */
    bool late;     /* it was thawed before the answer */
    bool made;     /* the checkpoint: an error after that is ERR_TIMEOUT */
    struct err err;
};

/* Why the guest's file systems cannot be frozen, or NULL. */
const char *domain_cannot_freeze(const struct domain *d, const struct view *v);

/* Suspends the task; or -1, ERR_UNSUPPORTED: the guest cannot be frozen. */
int checkpoint_quiesce_start(struct checkpoint_quiesce *q, struct task *t, const struct view *v,
                             struct err *err);
/* After each wait.  True: suspended, or (*make) the caller sends the transaction now, which
 * suspends it, or calls checkpoint_quiesce_failed.  False: over, as q->err says. */
bool checkpoint_quiesce_step(struct checkpoint_quiesce *q, struct task *t, bool *make);
/* The transaction could not be sent. */
void checkpoint_quiesce_failed(struct checkpoint_quiesce *q, struct task *t, const struct err *err);
void checkpoint_quiesce_done(struct checkpoint_quiesce *q);

#endif

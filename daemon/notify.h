/* SPDX-License-Identifier: MIT
 *
 * notify: the daemon's notifier (notify/notifier.h).  It looks by `vmkeep notify conditions`, and
 * sends by vmkeep-notify: nothing of it is done on the loop.
 */
#ifndef VMKEEP_DAEMON_NOTIFY_H
#define VMKEEP_DAEMON_NOTIFY_H

#include "notify/notifier.h"
#include "scheduler/scheduler.h"

struct notify_env {
    struct ev_loop *loop;
    struct clock *clock;
    struct catalog *catalog;
    struct scheduler *scheduler;
    const char *config_path;
};

struct notify;

/* The daemon has started. */
struct notify *notify_open(const struct notify_env *env);
/* The scheduler has another configuration. */
void notify_reload(struct notify *n);
/* See notifier_test. */
int notify_test(struct notify *n, const char *target, op_done done, void *ctx, struct err *err);
void notify_close(struct notify *n);

#endif

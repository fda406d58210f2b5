/* SPDX-License-Identifier: MIT
 *
 * Private to notify/: the notifier, and what its files share.
 *
 *   notifier.c   life, looks, what follows from them
 *   outbox.c     the queue: sending, trying again, giving up; pings and tests
 *   runs.c       when the runs of a policy begin and end
 *   outlets.c    who there is to be told
 */
#ifndef VMKEEP_NOTIFY_NOTIFIER_PRIV_H
#define VMKEEP_NOTIFY_NOTIFIER_PRIV_H

#include "notify/notifier.h"
#include "report/condition.h"

/* One that is told, or the check of a policy's runs. */
struct outlet {
    struct notifier *n;
    char *name;
    struct op *sending;
    int64_t message; /* that is being sent, or was; 0: a ping */
    int64_t tries;   /* of it before this one */
    int64_t expires;
    bool is_late;       /* it is worth nothing once it has expired */
    bool ended;         /* it was sent or not, which the catalog does not know yet: */
    struct err problem; /* ERR_NONE: it was taken */
    int64_t pinged;     /* elapsed time; -1: never */
    bool failing;       /* the last ping said so */
    bool gone;          /* it has left the configuration */
};

struct notifier {
    struct notifier_env env;
    const struct config *config;
    struct alarm look, pump, runs;
    struct op *looking;
    char *seen; /* what the look brings */
    bool look_again;
    int64_t blind; /* elapsed time, since when no look succeeds; -1: they do */
    VEC(struct outlet *) outlets;
    struct strlist jobs_of; /* policies of which jobs have moved */
};

static inline int64_t notifier_now(const struct notifier *n)
{
    return n->env.clock->ops->now(n->env.clock);
}

/* The configuration of the outlet; false: it has none any more.  ret is borrowed from it. */
bool outlet_config(const struct notifier *n, const char *name, struct config_target *ret);

/* outbox.c */
void outbox_pump(void *notifier);
void outbox_kick(struct notifier *n);
/* conditions: what fires; summary: of the status. */
void outbox_ping_all(struct notifier *n, const struct condition_list *conditions,
                     const char *summary);
int outbox_test(struct notifier *n, const char *target, op_done done, void *ctx, struct err *err);

/* runs.c */
void runs_check(void *notifier);

/* Logs that the catalog could not be asked or written; the next look tries again. */
void notifier_trouble(const char *what, const struct err *err);

#endif

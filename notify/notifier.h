/* SPDX-License-Identifier: MIT
 *
 * notifier: tells the targets of notifications what they want to hear of.
 *
 *   look ---> conditions ---> told, and a message (one transaction a target) ---> queue ---> send
 *
 * A look gathers the status, once a minute and soon after each job's end.  From what fires then,
 * and what each target was told, follows one message a target, with all that is new, over, or to
 * be told again.  Messages are sent in their order, one at a time to each target; what fails is
 * tried again with growing pauses, and given up when it is too old to matter.  A check is pinged
 * after a look while none of its conditions fires, else it is told so; such pings are not kept,
 * for a late one would be a lie.
 *
 * Reports are messages of their own, never one with conditions: notify/reports.c.
 *
 * The looks, the reports and the sending are done by others (struct notifier_env): in the daemon
 * by child processes, so nothing blocks; in tests by whatever they like.
 */
#ifndef VMKEEP_NOTIFY_NOTIFIER_H
#define VMKEEP_NOTIFY_NOTIFIER_H

#include "base/clock.h"
#include "base/op.h"
#include "policies/config.h"
#include "storage/catalog/catalog.h"

/* Borrowed; must outlive the notifier. */
struct notifier_env {
    struct clock *clock;
    struct catalog *catalog;
    const char *machine; /* what messages call it */
    /* *ret: {summary, conditions}, as `vmkeep notify conditions --json` has them; the caller frees
     * it. */
    struct op *(*look)(void *ctx, char **ret, op_done done, void *done_ctx, struct err *err);
    /* *ret: a report since then, of all or of a policy's run, as `vmkeep report --message` has it;
     * the caller frees it. */
    struct op *(*report)(void *ctx, int64_t since, const char *policy, char **ret, op_done done,
                         void *done_ctx, struct err *err);
    struct op *(*send)(void *ctx, const struct config_target *target, const char *message,
                       op_done done, void *done_ctx, struct err *err);
    void *ctx;
};

struct notifier;

/* config is borrowed until the next notifier_reload. */
struct notifier *notifier_new(const struct notifier_env *env, const struct config *config);
/* As if the program had been killed: the loop must not run any more. */
void notifier_free(struct notifier *n);

void notifier_reload(struct notifier *n, const struct config *config);

/* Something has happened: the next look comes soon. */
void notifier_poke(struct notifier *n);
/* A job of the policy was queued (is_new: that is told at once, for it may be over soon), has
 * begun or has ended. */
void notifier_job(struct notifier *n, const char *policy, bool is_new);

/* Sends a test at once; done as in base/op.h, but there is nothing to cancel.  ERR_NOTFOUND. */
int notifier_test(struct notifier *n, const char *target, op_done done, void *ctx, struct err *err);

/* Who gets the pings of a policy's runs is a target of this name. Caller frees. */
char *notifier_policy_target(const char *policy);

#endif

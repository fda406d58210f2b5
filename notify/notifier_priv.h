/* SPDX-License-Identifier: MIT
 *
 * Private to notify/: the notifier, and what its files share.
 *
 *   notifier.c   life, looks, what follows from them
 *   outbox.c     the queue: sending, trying again, giving up; pings and tests
 *   runs.c       when the runs of a policy begin and end
 *   reports.c    what came of a day, or of a run
 *   outlets.c    who there is to be told
 */
#ifndef VMKEEP_NOTIFY_NOTIFIER_PRIV_H
#define VMKEEP_NOTIFY_NOTIFIER_PRIV_H

#include "notify/notifier.h"
#include "report/condition.h"
#include "storage/catalog/catalog_notify.h"

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

/* A report that is due. */
struct report_order {
    char *key;    /* of what stands in the catalog about it; NULL: none is due */
    char *policy; /* of its run; NULL: of everything, for target */
    char *target; /* NULL: for all that have reports after runs */
    int64_t since;
    struct policy_run then; /* what stands there when it was queued */
};

struct notifier {
    struct notifier_env env;
    const struct config *config;
    struct zone *zone; /* of calendars */
    struct alarm look, pump, runs, reports;
    struct op *looking;
    char *seen; /* what the look brings */
    bool look_again;
    int64_t look_at, look_began, rest_until; /* elapsed times */
    int64_t blind; /* elapsed time, since when no look succeeds; -1: they do */
    VEC(struct outlet *) outlets;
    struct strlist jobs_of; /* policies of which jobs have moved, */
    struct strlist runs_of; /* and that reports.c has not looked at yet */
    struct op *reporting;
    char *reported; /* what it brings */
    struct report_order order;
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

/* The backups of a policy since its last run was told to have ended. */
struct moved {
    int64_t first, last, first_open; /* 0: there are none */
    int64_t began;                   /* when the first was made */
    size_t n, n_bad;
    char *problem; /* of the last bad one; the caller's */
};
int run_find_moved(struct catalog *catalog, const char *policy, int64_t after, struct moved *ret,
                   struct err *err);
/* What was before anybody listened is nobody's business.  key: under which the catalog has it. */
int run_begin_to_listen(struct notifier *n, const char *policy, const char *key,
                        struct policy_run *ret, struct err *err);

/* reports.c */
void reports_check(void *notifier);
void report_order_done(struct report_order *o);

/* Logs that the catalog could not be asked or written; the next look tries again. */
void notifier_trouble(const char *what, const struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * catalog_notify: what the targets of notifications were told, what is still to be sent to them,
 * and how that goes.
 *
 * What a target is told and the message that tells it are written in one transaction, so that
 * whatever dies, each is told once.  A message is marked before it is sent, and deleted after: when
 * the daemon dies in between, nobody knows whether it went out.  It is sent again then; when the
 * daemon dies over that, too, it waits as one that was refused, so that a daemon that keeps dying
 * does not send the same all the time.
 *
 * Of what a target does not take the newest messages are kept, and of the others their number.
 */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_NOTIFY_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_NOTIFY_H

#include "storage/catalog/catalog.h"

/* A condition that the target knows to be firing. */
struct told {
    char *condition; /* its key */
    char *facts;     /* JSON, as the caller has it */
    int64_t since;
    int64_t times; /* it was told */
    int64_t again; /* when it is told the next time */
};

struct told_list {
    struct told *items;
    size_t n, cap;
};

void told_done(struct told *t);
void told_list_done(struct told_list *l);
/* By condition. */
int catalog_told(struct catalog *c, const char *target, struct told_list *ret, struct err *err);

struct message {
    int64_t id;
    char *target, *kind, *subject, *body;
    int64_t created, expires, next;
    int64_t tries;
    char *problem; /* of the last try; NULL: none */
};

struct message_list {
    struct message *items;
    size_t n, cap;
};

void message_done(struct message *m);
void message_list_done(struct message_list *l);

/* All that changes for one target at once. */
struct target_news {
    const char *target;
    const struct told *put; /* firing, new or told again */
    size_t n_put;
    const struct strlist *gone;    /* keys of conditions that are over, or no business of its */
    const struct message *message; /* NULL: none.  Its id, target, tries and problem are not read */
    int64_t at;
};
int catalog_tell(struct catalog *c, const struct target_news *news, struct err *err);

/* Nothing is told to targets that are not among these any more. */
int catalog_targets_keep(struct catalog *c, const struct strlist *names, struct err *err);

/* The first message to the target, whether its time has come or not; *ret_found false: none. */
int catalog_message_first(struct catalog *c, const char *target, struct message *ret,
                          bool *ret_found, struct err *err);
/* All, in the order in which they came; bodies are left out. */
int catalog_messages(struct catalog *c, struct message_list *ret, struct err *err);

/* It is about to be sent.  *ret_go false: the daemon died twice while it was being sent, so that is
 * put off, as after a failure. */
int catalog_message_begin(struct catalog *c, int64_t id, int64_t now, bool *ret_go,
                          struct err *err);
int catalog_message_sent(struct catalog *c, int64_t id, int64_t now, struct err *err);
/* next: when it is tried again; 0: it is given up, and counted as lost. */
int catalog_message_failed(struct catalog *c, int64_t id, int64_t now, int64_t next,
                           const char *problem, struct err *err);

struct target_state {
    char *name;
    int64_t sent, tested, failed; /* times; 0: never */
    char *problem;                /* of the last failure, if none succeeded since */
    int64_t n_sent, n_failed, n_lost;
    int64_t waiting; /* messages */
};

struct target_state_list {
    struct target_state *items;
    size_t n, cap;
};

void target_state_list_done(struct target_state_list *l);
/* By name; NULL in a list: never heard of. */
int catalog_targets(struct catalog *c, struct target_state_list *ret, struct err *err);
const struct target_state *target_state_find(const struct target_state_list *l, const char *name);
/* Something that is not in the queue was sent: a ping, or a test.  problem NULL: it arrived, and
 * what waits for the target is tried at once. */
int catalog_target_tried(struct catalog *c, const char *target, bool test, const char *problem,
                         int64_t now, struct err *err);

/* How far the runs of a policy were told: see the schema.  -1 and -1: nobody has looked at it. */
struct policy_run {
    int64_t began, ended;
};
int catalog_policy_run(struct catalog *c, const char *policy, struct policy_run *ret,
                       struct err *err);
/* With the messages that tell it. */
int catalog_policy_run_put(struct catalog *c, const char *policy, const struct policy_run *run,
                           const struct target_news *news, size_t n_news, struct err *err);

#endif

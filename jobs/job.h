/* SPDX-License-Identifier: MIT
 *
 * job: kinds of jobs, and what every job has.  A kind is a row of functions and a table of states;
 * how a job goes from state to state is the same for all, and stands in job.c.
 *
 * A state does one thing: it starts an operation, and when that has ended, `after` says what
 * comes next. A job waits for one operation, or, in a state that says so, for its alarm.
 */
#ifndef VMKEEP_JOBS_JOB_H
#define VMKEEP_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fsm.h"
#include "base/model.h"
#include "base/op.h"
#include "jobs/claims.h"
#include "jobs/env.h"
#include "jobs/obstacle.h"
#include "jobs/rate.h"

struct job_run;
struct owned_list;

#define JOB_STEPS_MAX 32
#define JOB_BIT(state) FSM_BIT(state)
#define JOB_STAYS (-1)
#define JOB_RESTS (-2)

enum job_step_flags {
    /* Its work is announced in the catalog, or is not done: what a successor may find of it must be
     * known to be ours. */
    JOB_JOURNALED = 1 << 0,
    /* It may wait for the alarm, with no operation outstanding. */
    JOB_WAITS = 1 << 1,
    /* A cancel ends its operation; elsewhere it is looked at when the operation has ended. */
    JOB_CANCELABLE = 1 << 2,
    /* The job's outcome stands: no cancel changes it any more. */
    JOB_DECIDED = 1 << 3,
    /* The end: `after` lets go of the job. */
    JOB_FINAL = 1 << 4,
    /* What it waits for is that its repository is compared. */
    JOB_UNTIL_COMPARED = 1 << 5,
    /* Its alarm is for the next look at how far it is; who asks may have that look sooner. */
    JOB_LOOKS = 1 << 6,
    /* It copies: what it has done grows. */
    JOB_COPIES = 1 << 7,
};

struct job_step {
    const char *name; /* in the catalog, in lists and messages */
    uint32_t next;    /* JOB_BIT of each state that may follow; others are bugs of ours */
    /* NULL without *err: there is nothing to do, or to wait for. NULL: nothing ever is. */
    struct op *(*start)(struct job_run *r, struct err *err);
    /* The operation has ended (r->op_err says how), or none was started, or the alarm has rung: the
     * state that follows; or JOB_STAYS: the job waits; or JOB_RESTS: env->ops->rest has given its
     * place back.  Of a final state: *r is gone after it. */
    int (*after)(struct job_run *r);
    unsigned flags;
    int resume; /* where a successor of the daemon goes on; 0: the job is given up */
};

/* All that depends on the kind. The first state, 0, is that of a job that waits for its turn. */
struct job_type {
    const char *kind; /* its word, in the catalog and for users */
    size_t size;      /* of the struct that embeds struct job_run first */
    const struct job_step *steps;
    const char *const *doing; /* what it does in each state, in plain words */
    int gives_up; /* the state that undoes what was done, and ends in failure; 0: it just fails */
    void (*init)(struct job_run *r);
    void (*done)(struct job_run *r); /* releases what is its own */
    /* Before the first step of one that a former life left open, in state go_on; another state
     * may be returned, with r->err. */
    int (*resume)(struct job_run *r, int go_on);
    void (*event)(struct job_run *r); /* the hypervisor says: look; NULL: nobody listens */
    /* What it keeps from others: chain and guest; see job_claims. */
    void (*claims)(const struct job_run *r, struct job_claims *ret);
    /* Somebody wants to read the chain that it cuts, and now.  NULL: it keeps nobody from it. */
    void (*yields)(struct job_run *r);
    /* What it writes to by names that others gave it; NULL: nothing. */
    void (*owned)(const struct job_run *r, struct owned_list *ret);
    /* Where struct config_limits has how many of the kind run at once; 0: it does not. */
    size_t limit;
    bool makes_points;  /* a policy wants it */
    bool by_hand;       /* begun by hand: no limit counts it, and no policy wants it; queued it has
                          its place already, and is begun or refused */
    bool failure_stays; /* that one failed is told until one of the kind succeeds */
    bool backup;        /* of a guest; its end is told to who waits for backups */
};

/* What every job has.  Each kind embeds it first in a struct of its own. */
struct job_run {
    struct job_env *env;
    const struct job_type *type;
    struct job row;
    char tag[HV_TAG_MAX];
    struct host *host;        /* NULL: not configured any more, */
    struct repo *repo;        /* its row's; or none is needed */
    VEC(struct repo *) repos; /* all that it claims */
    bool admitted;
    bool canceled;    /* somebody asked for its end */
    bool ending;      /* over, but its end is not in the catalog yet */
    bool resumed;     /* taken over from a former life */
    bool awaits_host; /* the same, and it goes on when its host has told its domains */

    int state;          /* of the type's */
    struct op *op;      /* exactly one outstanding while it waits ... */
    struct alarm alarm; /* ... or this */
    struct err op_err;  /* how the last op ended */
    struct err err;     /* the first error that counts */

    struct rate rate; /* of bytes_done */
    struct {
        enum obstacle_code code; /* what it waits for; OBSTACLE_NONE: nothing */
        int64_t job;             /* the one that is in its way; 0: none is */
        int64_t since;           /* elapsed time */
        int tries;
        char *problem; /* may be NULL */
    } obstacle;

    int64_t rest;     /* the job that does what this one has left to be done; 0: nothing is */
    bool has_begun;   /* what it is there for has, as far as we know: its end is told */
    int64_t began_ms; /* elapsed time when it did; 0: in a former life */
};

struct job_run *job_new(struct job_env *e, const struct job_type *type, const struct job *row);
void job_free(struct job_run *r); /* it has no place any more */
struct job_run *job_find(const struct job_env *e, int64_t id);
/* Adds it, as env->ops->add does, where none of its kind waits for its turn that is about the same
 * points in the same repository: what is to be done that one sees when it begins. */
int job_queue_once(struct job_env *e, struct job *row, struct job_run **ret, struct err *err);
/* It waits for its turn, and does not want it before its alarm rings. */
bool job_rests(const struct job_run *r);
/* By hand, and nothing was done yet: it may be refused still, and then it never was. */
bool job_is_being_begun(const struct job_run *r);
/* What it keeps from others while it runs.  All borrowed of r. */
void job_claims(const struct job_run *r, struct job_claims *ret);

/* Goes on: to be called when what the job waited for has come. *r may be gone after it. */
void job_proceed(struct job_run *r);
/* A job that a former life left open goes on where r->row.step says. *r may be gone after it. */
void job_resume(struct job_run *r);
/* Somebody asks for its end.  *r may be gone after it. */
void job_cancel(struct job_run *r);

int64_t job_elapsed_ms(const struct job_run *r); /* since it began */
void job_save_progress(struct job_run *r);       /* what its row says, into the catalog */

/* Its row says anew how far it is. */
void job_looked(struct job_run *r);
/* It looks now how far it is.  False: it does not look by itself, or is at it. */
bool job_look_now(struct job_run *r);

/* It cannot go on, and why: again and again, as long as that is so.  Moving to another state
 * clears it. */
void job_meets(struct job_run *r, const struct obstacle *o);
void job_meets_nothing(struct job_run *r);
/* What it has met while it runs.  All borrowed of r. */
void job_obstacle(const struct job_run *r, struct obstacle *ret);

/* The state's row. */
const struct job_step *job_step_of(const struct job_run *r);

/* That somebody has asked for its end, as an error; -1. */
int job_say_canceled(const struct job_run *r, struct err *err);
/* Has its operation failed, or has somebody asked for the end?  Then that is the job's first
 * error. */
bool job_is_bad(struct job_run *r);
/* next, or instead of it, when the job is bad. */
int job_unless_bad(struct job_run *r, int next, int instead);

/* job.c.  Completion of every op of a job: result into r->op_err, then the next step. */
void job_on_op(void *ctx, const struct err *err);
void job_on_alarm(void *ctx); /* the same, for what was waited for */
void job_wait(struct job_run *r, double seconds);
void job_wake(struct job_run *r); /* what it waits for may have come: it looks soon */

#endif

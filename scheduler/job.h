/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/.  Kinds of jobs.  A kind is a row of functions and a table of states; how a
 * job goes from state to state is the same for all, and stands in job.c.
 *
 * A state does one thing: it starts an operation, and when that has ended, `after` says what
 * comes next. A job waits for one operation, or, in a state that says so, for its alarm.
 */
#ifndef VMKEEP_SCHEDULER_JOB_H
#define VMKEEP_SCHEDULER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"
#include "base/op.h"

struct run;

#define JOB_STEPS_MAX 32
#define JOB_BIT(state) (UINT32_C(1) << (state))
#define JOB_STAYS (-1)

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
};

struct job_step {
    const char *name; /* in the catalog, in lists and messages */
    uint32_t next;    /* JOB_BIT of each state that may follow; others are bugs of ours */
    /* NULL without *err: there is nothing to do, or to wait for. NULL: nothing ever is. */
    struct op *(*start)(struct run *r, struct err *err);
    /* The operation has ended (r->op_err says how), or none was started, or the alarm has rung: the
     * state that follows, or JOB_STAYS: the job waits.  Of a final state: *r is gone after it. */
    int (*after)(struct run *r);
    unsigned flags;
    int resume; /* where a successor of the daemon goes on; 0: the job is given up */
};

/* All that depends on the kind. The first state, 0, is that of a job that waits for its turn. */
struct job_type {
    enum job_kind kind;
    const struct job_step *steps;
    int gives_up; /* the state that undoes what was done, and ends in failure; 0: it just fails */
    void (*init)(struct run *r);
    /* Before the first step of one that a former life left open, in state go_on; another state
     * may be returned, with r->err. */
    int (*resume)(struct run *r, int go_on);
    void (*event)(struct run *r); /* the hypervisor says: look; NULL: nobody listens */
    bool by_hand;                 /* begun by hand: no limit counts it, and no policy wants it */
    bool backup;                  /* of a guest; its end is told to who waits for backups */
};

const struct job_type *job_type_of(enum job_kind kind);
extern const struct job_type backup_type, api_type, prune_type;

/* Goes on: to be called when what the job waited for has come. *r may be gone after it. */
void job_proceed(struct run *r);
/* A job that a former life left open goes on where r->row.step says. *r may be gone after it. */
void job_resume(struct run *r);
/* Somebody asks for its end. */
void job_cancel(struct run *r);

/* The state's row. */
const struct job_step *job_step_of(const struct run *r);

/* Has its operation failed, or has somebody asked for the end?  Then that is the job's first
 * error. */
bool job_is_bad(struct run *r);
/* next, or instead of it, when the job is bad. */
int job_unless_bad(struct run *r, int next, int instead);

#endif

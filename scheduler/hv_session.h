/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/.  A backup at its hypervisor, as every kind of job that makes one goes
 * through it: look, clean up what former jobs left, begin (the kind's own), watch, let go.
 * Functions that end in _start are a state's start, see job.h.
 */
#ifndef VMKEEP_SCHEDULER_HV_SESSION_H
#define VMKEEP_SCHEDULER_HV_SESSION_H

#include "scheduler/job.h"
#include "scheduler/scheduler_priv.h"

/* Looks anew: r->facts. */
struct op *hv_look_start(struct run *r, struct err *err);
/* The look has ended: can a backup begin, and what is to be cleaned up?  -1: r->err. */
int hv_looked(struct run *r);

/* Waits until it is time to ask: at once after an event, soon after the beginning, else now and
 * then. A state that waits. */
struct op *hv_watch_start(struct run *r, struct err *err);
/* Asks how far the job is: r->stats. */
struct op *hv_ask_start(struct run *r, struct err *err);
enum hv_verdict { HV_GOES_ON, HV_GOOD_END, HV_BAD_END };
/* The answer.  HV_BAD_END: r->err says why. */
enum hv_verdict hv_asked(struct run *r);
/* r->stats, or what a reader says, into the row; now and then into the catalog. */
void hv_note_progress(struct run *r);

/* Cancels a push, ends a pull. */
struct op *hv_abort_start(struct run *r, struct err *err);
struct op *hv_forget_start(struct run *r, struct err *err);
/* Gives up the job's own checkpoint. */
struct op *hv_drop_start(struct run *r, struct err *err);
/* The checkpoint's end is known: r->checkpoint_gone. */
void hv_dropped(struct run *r);

/* An undoing, or a tidying up, that has failed: the domain's next job does it. */
void hv_warn_left(struct run *r, const char *what);

#endif

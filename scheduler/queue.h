/* SPDX-License-Identifier: MIT
 *
 * queue: jobs waiting and running, their places, their ends.  Who of them may start says admit.h.
 */
#ifndef VMKEEP_SCHEDULER_QUEUE_H
#define VMKEEP_SCHEDULER_QUEUE_H

#include <stdbool.h>

#include "base/err.h"
#include "storage/catalog/catalog.h"

struct host;
struct job_run;
struct scheduler;

/* Writes the row and appends the job. */
int queue_add(struct scheduler *s, struct job *row, struct job_run **ret, struct err *err);
void queue_append(struct scheduler *s, struct job_run *r);
/* The same, but it has its place, at the host too, and job_proceed begins it. */
int queue_begin(struct scheduler *s, struct job *row, struct host *host, struct job_run **ret,
                struct err *err);
/* Gives the job its place among the running ones: at the host (NULL: it has none), and in the
 * repositories that it claims, as far as they are there. */
void queue_take_place(struct job_run *r, struct host *host);
/* As env->ops->rest. */
void queue_rest(struct job_run *r, double seconds);
bool queue_is_limited(const struct job_run *r); /* it counts against the limits */
void queue_notify(struct job_run *r);
/* The job is over: writes its end, tells the listener, frees it.  While the catalog cannot be
 * written (disk full, say) the job keeps its place and this is tried again. */
void queue_end(struct job_run *r, enum job_outcome outcome, const char *reason);
/* The same when its end is in the catalog already. */
void queue_ended(struct job_run *r, enum job_outcome outcome, const char *reason);
/* The same without a word, for a queued job that has done nothing: its row goes, or is tried to. */
void queue_refuse(struct job_run *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * scheduler: keeps the policies.  Joins what should happen (policies/), the hypervisors (engine/)
 * and what is kept (storage/), all of them behind interfaces that it is given.
 *
 * One alarm is armed for the next due time of all policies.  A due backup becomes a row in the
 * catalog and waits in the queue until the limits allow it; then its state machine runs (see
 * jobs/backup.c).  Everything happens on the caller's loop; nothing here blocks but the catalog's
 * small transactions.
 */
#ifndef VMKEEP_SCHEDULER_SCHEDULER_H
#define VMKEEP_SCHEDULER_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/observers.h"
#include "jobs/api.h"
#include "jobs/job_ids.h"
#include "policies/config.h"
#include "scheduler/outside.h"
#include "storage/catalog/catalog.h"

struct scheduler;

/* Takes config over.  Settles what a former life left open, then keeps the policies.
 * Fails only when the catalog does. */
int scheduler_new(const struct scheduler_env *env, struct config *config, struct scheduler **ret,
                  struct err *err);

/* As if the program had been killed: nothing is cancelled, nothing recorded. */
void scheduler_free(struct scheduler *s);

/* Swaps the configuration (taken over). Jobs that run go on with what they were started with;
 * queued ones whose policy or domain is gone end as skipped.  A changed host takes effect when
 * its running jobs have ended; until then no other starts there. */
void scheduler_reload(struct scheduler *s, struct config *config);

/* Who listens hears of each step, progress and end of a job, as a struct job_event; see
 * base/observers.h.  It may ask for things that end a job on the spot, which is told at once. */
void scheduler_listen(struct scheduler *s, struct observer *o);
void scheduler_unlisten(struct scheduler *s, struct observer *o);

/* target: a policy, a domain, or HOST/DOMAIN.  level NULL: as the schedule would.
 * *ret: ids of the new jobs; *ret_open (may be NULL): of those that are queued or running already
 * and do what is asked for. ERR_NOTFOUND (naming the nearest), ERR_BUSY when there would be nothing
 * in either, for all of them have a job of that policy already. */
int scheduler_run(struct scheduler *s, const char *target, const enum backup_level *level,
                  struct job_ids *ret, struct job_ids *ret_open, struct err *err);

/* A read has found the point damaged: it is marked so, and what stands on it; problem NULL:
 * whole again. ERR_NOTFOUND. */
int scheduler_found_damage(struct scheduler *s, const char *point_id, const char *problem,
                           struct err *err);

/* Somebody has found points of the repository not as they should be: it is looked at. */
int scheduler_look_at_points(struct scheduler *s, const char *repository, struct err *err);
/* Somebody wants to read such points now: a merge of them stops, and comes later. */
void scheduler_yield(struct scheduler *s, const char *host, const char *domain, const char *policy);

/* The checkpoints that policies have left which do not cover their domains any more go at once;
 * domain NULL: of all domains.  *ret: jobs that delete them at the hypervisors. ERR_NOTFOUND. */
int scheduler_prune_checkpoints(struct scheduler *s, const char *domain, struct job_ids *ret,
                                struct err *err);

/* A repository that is lost for ever leaves the catalog; see catalog_repository_forget.  ERR_BUSY
 * while a job works there. */
int scheduler_forget_repository(struct scheduler *s, const char *what, size_t *ret_points,
                                struct err *err);

/* Lets go of what no rule keeps; target NULL: everything. */
int scheduler_prune(struct scheduler *s, const char *target, struct job_ids *ret, struct err *err);

/* Copies what is to be in that second repository; target NULL: of everything. ERR_NOTFOUND: no
 * policy that is meant has copies there. */
int scheduler_copy(struct scheduler *s, const char *target, const char *repository,
                   struct job_ids *ret, struct err *err);

/* Which of the jobs that are queued or running, and of the backups that are tried again. */
struct live_ask {
    const char *host, *domain; /* of that domain; NULL: all */
    int64_t after;             /* jobs of higher numbers, */
    size_t tries_after;        /* and what is tried again from there on: of the answer before */
};

/* ANSWER_LIVE, within a second or so: the first answer brings figures that were read just now,
 * as far as hypervisors answer. */
void scheduler_live(struct scheduler *s, const struct live_ask *a, struct api_reply reply);
/* The same of one job, as it is known; false: it is neither queued nor running. */
bool scheduler_live_job(struct scheduler *s, int64_t id, struct live_job *ret);
/* Its figures are read anew; the listeners are told. False: they are not to be had now. */
bool scheduler_look_at_job(struct scheduler *s, int64_t id);

/* A fresh look at HOST and its domains, or DOMAIN (NULL: all), and the repositories that they go to
 * (NULL: all): ANSWER_DOCTOR. */
void scheduler_doctor(struct scheduler *s, const char *target, struct api_reply reply);

/* A request: the job ends a little later, as aborted, unless it was already past the point of being
 * published. */
int scheduler_cancel(struct scheduler *s, int64_t job, struct err *err);

/* No more jobs start; `idle` is called (later) when none runs any more. */
void scheduler_drain(struct scheduler *s, void (*idle)(void *ctx), void *ctx);
void scheduler_cancel_all(struct scheduler *s);

/* The job, if it is queued or running; else NULL. */
const struct job *scheduler_job(const struct scheduler *s, int64_t id);

struct scheduler_counts {
    size_t queued, running, domains;
    int64_t started; /* when, by the clock as it is now */
};
struct scheduler_counts scheduler_count(const struct scheduler *s);

/* Somebody asks for something: was the clock set meanwhile? */
void scheduler_look_at_clock(struct scheduler *s);

/* To ask for things by hand; see jobs/api.h. */
struct job_env *scheduler_jobs(struct scheduler *s);

const struct config *scheduler_config(const struct scheduler *s);

#endif

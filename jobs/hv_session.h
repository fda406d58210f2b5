/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  A backup at its hypervisor, as every kind of job that makes one goes
 * through it: look, clean up what former jobs left, begin (the kind's own), watch, let go.
 * Functions that end in _start are a state's start, see job.h.
 */
#ifndef VMKEEP_JOBS_HV_SESSION_H
#define VMKEEP_JOBS_HV_SESSION_H

#include "jobs/compared.h"
#include "jobs/job.h"
#include "jobs/leftovers.h"

/* What each kind embeds that works at a hypervisor. */
struct hv_run {
    struct job_run job;
    struct domain_facts *facts;
    struct leftovers leftovers;
    struct compared compared;
    struct backup_begun begun;
    struct hv_job_stats stats;
    bool watched;      /* it was waited for its end, once at least */
    bool looked_again; /* see hv_looks_again */
    bool look_again;   /* an event came while we were asking */
    int unanswered;    /* questions in a row, */
    int64_t silent;    /* since that elapsed time */
    int64_t asked;     /* elapsed time of the last one */
    uint64_t last_done;
    int64_t progressed, progress_saved; /* elapsed time */
    bool checkpoint_gone;               /* the job's own was deleted */
    /* hv_at_host.c */
    char *place;            /* see struct hv_job */
    bool loaded, has_run;   /* what a former life knew of it; it was seen running, */
    int64_t ran, ran_saved; /* at that uptime last; so it was written down */
};

static inline struct hv_run *hv_of(const struct job_run *r)
{
    return (struct hv_run *)r;
}

void hv_done(struct job_run *r);

/* NULL with *err when the host is gone from the configuration, or has no driver: only a job that a
 * former life left open can meet that. */
struct hypervisor *hv_hypervisor(const struct job_run *r, struct err *err);
/* What the hypervisor says, into the row; HVJOB_NONE says nothing. */
void hv_take_stats(struct job_run *r, const struct hv_job_stats *stats);
/* The document of a scheduled backup, and the disks of its checkpoint, into the catalog. */
void hv_save_request(struct job_run *r, const struct backup_request *request);

/* ERR_REMOTE when its disks and bitmaps cannot be told. */
int facts_can_look(const struct domain_facts *f, struct err *err);
/* ERR_REMOTE when nothing can be begun or made there now. */
int facts_can_begin(const struct hypervisor *hv, const struct domain_facts *f, struct err *err);

/* Looks anew: r->facts. */
struct op *hv_look_start(struct job_run *r, struct err *err);
/* The look has ended: can a backup begin, and what is to be cleaned up?  -1: r->err. */
int hv_looked(struct job_run *r);

/* One thing after another that former jobs left; NULL and ERR_NONE: nothing is left. */
struct op *hv_clean_start(struct job_run *r, struct err *err);
/* The last one is gone, or stays.  True: that was all. */
bool hv_cleaned(struct job_run *r);

/* True, once, when a checkpoint was defined again: what was seen of the domain lacks it. */
bool hv_looks_again(struct job_run *r);

/* Asks; NULL without *err: there is nothing to ask. */
struct op *hv_compare_start(struct job_run *r, struct err *err);
void hv_compare_log(const struct job_run *r);

/* Waits until it is time to ask: at once after an event, soon after the beginning, else now and
 * then. A state that waits. */
struct op *hv_watch_start(struct job_run *r, struct err *err);
/* An event came: whatever it waits for, it asks soon. */
void hv_look_again(struct job_run *r);
/* Asks how far the job is: r->stats. */
struct op *hv_ask_start(struct job_run *r, struct err *err);
enum hv_verdict { HV_GOES_ON, HV_GOOD_END, HV_BAD_END };
/* The answer.  HV_BAD_END: r->err says why. */
enum hv_verdict hv_asked(struct job_run *r);
/* r->stats, or what a reader says, into the row; now and then into the catalog. */
void hv_note_progress(struct job_run *r);

/* Cancels a push, ends a pull. */
struct op *hv_abort_start(struct job_run *r, struct err *err);
struct op *hv_forget_start(struct job_run *r, struct err *err);
/* Gives up the job's own checkpoint. */
struct op *hv_drop_start(struct job_run *r, struct err *err);
/* The checkpoint's end is known: r->checkpoint_gone. */
void hv_dropped(struct job_run *r);

/* An undoing, or a tidying up, that has failed: the domain's next job does it. */
/* That the copy that has begun can harm the guest's writes; quietly where it is always so. */
void hv_log_unsafe(const struct job_run *r);
void hv_warn_left(struct job_run *r, const char *what);

#endif

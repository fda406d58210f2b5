/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/: what the files of a copy job share. */
#ifndef VMKEEP_JOBS_COPY_RUN_H
#define VMKEEP_JOBS_COPY_RUN_H

#include "jobs/copy.h"
#include "jobs/survey.h"

enum copy_state {
    C_QUEUED,
    C_PROBING,
    C_WAITING,
    C_SURVEYING,
    C_PLANNING,
    C_PREPARING,
    C_COPYING,
    C_PUBLISHING,
    C_RECORDING,
    C_DISCARDING,
    C_DONE
};

struct copy_run {
    struct job_run run;
    struct store_space space;
    struct survey_look look;
    int64_t waits_since;     /* elapsed time */
    struct point source;     /* the one that is being copied */
    struct point published;  /* its copy */
    enum point_made reached; /* of the copy at work */
    char *whole;             /* the id of one that is to come as a full; NULL: none */
    size_t made, left;       /* points */
    uint64_t bytes_before;   /* of those that are made, */
    uint64_t bytes_rest;     /* of those that come after the one at work */
    uint64_t written;        /* what the copies take */
    bool gives_way;
    int64_t gives_way_to; /* that job; 0: the daemon stops, or */
    bool has_its_name;    /* the next copy would have the name of one that the job has made */
};

static inline struct copy_run *copy_of_run(const struct job_run *r)
{
    return (struct copy_run *)r;
}

/* The next of what is to be copied, into r->row.plan and the source; *ret false: there is none, or
 * another job must make it. */
int copy_plan_next(struct job_run *r, bool *ret, struct err *err);
/* The plan of one that a former life was making, as its row has it, gets what the row lacks. */
int copy_plan_again(struct job_run *r, struct err *err);

/* copy_end.c */
int copy_after_recording(struct job_run *r);
struct op *copy_start_discarding(struct job_run *r, struct err *err);
int copy_after_discarding(struct job_run *r);
int copy_after_done(struct job_run *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * obstacle: what a job waits for, as a code for programs and in words for people.  Pure; who finds
 * out is whoever lets jobs begin (scheduler/admit.c), and jobs themselves while they run.
 */
#ifndef VMKEEP_JOBS_OBSTACLE_H
#define VMKEEP_JOBS_OBSTACLE_H

#include "base/err.h"
#include "storage/catalog/catalog.h"

#define OTHERS_WAIT_S 120 /* at most, see OBSTACLE_OTHERS */

enum obstacle_code {
    OBSTACLE_NONE,
    /* of one that is queued */
    OBSTACLE_START,        /* the daemon has just begun, and looks at what is there */
    OBSTACLE_STOP,         /* the daemon is being stopped: nothing begins */
    OBSTACLE_LIMIT,        /* so many run in all, */
    OBSTACLE_HOST_LIMIT,   /* at its host, */
    OBSTACLE_REPO_LIMIT,   /* in its repository, */
    OBSTACLE_KIND_LIMIT,   /* of its kind */
    OBSTACLE_HOST_CHANGED, /* by the configuration; it is made anew when its jobs have ended */
    OBSTACLE_HOST,         /* it has not told its domains yet; also of one that runs */
    OBSTACLE_GUEST,        /* somebody else works on the guest, */
    OBSTACLE_CHAIN,        /* or on the points of its domain and policy */
    /* of one that runs */
    OBSTACLE_COMPARISON, /* its repository has not been looked at yet */
    OBSTACLE_CATALOG,    /* cannot be written */
    OBSTACLE_ANSWER,     /* the hypervisor does not give any */
    OBSTACLE_THAW,       /* the guest's agent does not confirm that it has thawed */
    OBSTACLE_OTHERS,     /* somebody else, who is none of vmkeep's, is at work on the domain; of one
                            that has given its place back */
    OBSTACLE_READER,     /* somebody reads, without the daemon, what is to go */
    OBSTACLE_CODE_COUNT,
};

/* All borrowed. */
struct obstacle {
    enum obstacle_code code;
    const struct job *job; /* ..._GUEST, ..._CHAIN: that job, */
    const char *request;   /* or that work by hand */
    const char *name;      /* the host's, the repository's */
    int limit;             /* so many at once */
    int tries;             /* that have failed so far */
    const char *problem;   /* why; NULL: that is all there is to say */
};

const char *obstacle_code_name(enum obstacle_code code);

/* Goes on after "waits for ". */
void obstacle_text(const struct obstacle *o, char ret[ERR_MSG_MAX]);

#endif

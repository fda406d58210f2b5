/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A part of a task: looks after the jobs of a tag.  See reap.c. */
#ifndef VMKEEP_ENGINE_QMP_REAP_H
#define VMKEEP_ENGINE_QMP_REAP_H

#include "base/fsm.h"
#include "engine/qmp/look/look.h"

enum reap_goal {
    REAP_TEND,   /* see that nothing goes wrong */
    REAP_STATS,  /* and tell how the jobs are; close the targets of those that have ended */
    REAP_ABORT,  /* end the jobs, wait for it */
    REAP_FORGET, /* let go of ended jobs */
};

struct reap {
    enum reap_goal goal;
    char tag[HV_TAG_MAX];      /* REAP_TEND: found by itself */
    struct hv_job_stats stats; /* how the jobs were when last looked at */
    struct look look;
    struct fsm fsm;
    VEC(struct command) todo; /* what the state works on */
    size_t next;
    struct err left; /* what could not be closed */
    bool canceled;   /* the jobs' end was asked for */
    bool touched;    /* the files take writes, */
    bool syncing;    /* and a child brings them onto their medium */
    struct strlist files;
    bool unsealed;   /* a target could not be written out: stats say so */
    bool rescue;     /* continue the guest when the jobs have ended */
    double deadline; /* waiting for the jobs' end */
};

/* reap_close.c: the commands that take away everything of the tag that the view shows, in the one
 * order that QEMU accepts. */
void reap_list_close(struct reap *r);
/* The id of the passphrase of disk i's image, or NULL. */
const char *reap_secret(const struct reap *r, size_t i);
void reap_todo(struct reap *r, struct command command);

/* tag: NULL with REAP_TEND. */
void reap_init(struct reap *r, enum reap_goal goal, const char *tag);

/* To be called by the task's step, first of all too. True: suspended. False: it has ended, and *err
 * says how (ERR_NONE: well). */
bool reap_step(struct reap *r, struct task *t, struct err *err);

void reap_done(struct reap *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A part of a task: looks after the jobs of a tag.  See tend.c. */
#ifndef VMKEEP_ENGINE_QMP_TEND_H
#define VMKEEP_ENGINE_QMP_TEND_H

#include "base/fsm.h"
#include "engine/qmp/look/look.h"
#include "engine/qmp/state/ids.h"

enum tend_goal {
    TEND_WATCH,  /* see that nothing goes wrong */
    TEND_STATS,  /* and tell how the jobs are; close the targets of those that have ended */
    TEND_ABORT,  /* end the jobs, wait for it */
    TEND_FORGET, /* let go of ended jobs */
};

struct tend {
    enum tend_goal goal;
    char tag[HV_TAG_MAX];      /* TEND_WATCH: found by itself */
    struct hv_job_stats stats; /* how the jobs were when last looked at */
    struct look look;
    struct fsm fsm;
    VEC(struct command) todo; /* what the state works on */
    size_t next;
    struct err left; /* what could not be closed */
    bool canceled;   /* the jobs' end was asked for */
    bool touched;    /* the files take writes, */
    bool syncing;    /* and are being brought onto their medium, */
    bool flushing;   /* and then the guest's disks whose gates are to go */
    struct strlist files, disks;
    bool cut;        /* the connections to the targets' servers, for one hung */
    bool unsealed;   /* a target could not be written out: stats say so */
    bool rescue;     /* continue the guest when the jobs have ended */
    double deadline; /* waiting for the jobs' end */
};

/* tend_judge.c: fills in td->stats, and td->rescue.  True: a job has gone wrong. */
bool tend_judge(struct tend *td, struct domain *d);
bool tend_has_node(const struct tend *td, enum node_role role);
/* tend_close.c: the commands that take away everything of the tag that the view shows, in the one
 * order that QEMU accepts. */
void tend_list_close(struct tend *td);
/* The files that this closes, and those of the disks that have a gate; to ret. */
void tend_list_closed(const struct tend *td, struct strlist *ret);
void tend_list_gated(const struct tend *td, struct strlist *ret);
/* tend_list.c: to the list.  The id of the passphrase of disk i's image, or NULL. */
void tend_todo(struct tend *td, struct command command);
const char *tend_secret(const struct tend *td, size_t i);

/* tend_write.c: what a push writes to files is brought onto their medium as they grow. */
void tend_write_out(const struct tend *td, struct domain *d);

/* tend_peers.c: to the list, what seals a target. */
void tend_list_seal(struct tend *td, const char *node, const char *file, struct command command);
/* What closes a node, with the limit that it has where that is on an NBD server. */
struct command tend_closing(const struct tend *td, const char *node, struct command command);
/* To the list: end the connections to servers that can be ended while they are written to. */
void tend_cut_peers(struct tend *td);
/* Before the rest of the list, once: end all of them. sealing: and remember it.  False: there is
 * nothing to end. */
bool tend_cut_hanging(struct tend *td, bool sealing);
void tend_say_cut(struct err *err);
/* The last command was one of these. */
bool tend_was_cut(const struct tend *td);

/* tag: NULL with TEND_WATCH. */
void tend_init(struct tend *td, enum tend_goal goal, const char *tag);

/* To be called by the task's step, first of all too. True: suspended. False: it has ended, and *err
 * says how (ERR_NONE: well). */
bool tend_step(struct tend *td, struct task *t, struct err *err);

void tend_done(struct tend *td);

#endif

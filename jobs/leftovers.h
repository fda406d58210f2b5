/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  What former jobs of ours left at a hypervisor.
 */
#ifndef VMKEEP_JOBS_LEFTOVERS_H
#define VMKEEP_JOBS_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/op.h"

struct domain_facts;
struct job_run;

/* What has to be cleaned at a hypervisor before a backup, one thing at a time. */
enum leftover_kind {
    LEFTOVER_ABORT_JOB,
    LEFTOVER_FORGET_JOB,
    LEFTOVER_DELETE_CHECKPOINT,
    LEFTOVER_REDEFINE_CHECKPOINT, /* the hypervisor has forgotten it, perhaps */
};
struct leftover {
    enum leftover_kind kind;
    char *name;           /* tag or checkpoint */
    char *place;          /* of a job that is known by it */
    struct strlist disks; /* redefine: of these */
    int64_t created;
};
struct leftovers {
    struct leftover *items;
    size_t n, cap;
    size_t next;
    bool foreign;   /* a backup job that is not ours */
    bool redefined; /* the hypervisor knows a checkpoint again: look anew */
};

int leftovers_find(struct job_run *r, const struct domain_facts *facts, struct leftovers *ret,
                   struct err *err);
/* NULL and ERR_NONE: nothing is left. */
struct op *leftovers_start(struct job_run *r, struct leftovers *left, struct err *err);
void leftovers_after(struct job_run *r, struct leftovers *left); /* the last one has ended */
void leftovers_done(struct leftovers *c);

#endif

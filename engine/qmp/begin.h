/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A backup's beginning: what begin.c (the order of things) and
 * begin_check.c (the refusals) share. */
#ifndef VMKEEP_ENGINE_QMP_BEGIN_H
#define VMKEEP_ENGINE_QMP_BEGIN_H

#include "base/fsm.h"
#include "engine/qmp/freezer.h"
#include "engine/qmp/ids.h"
#include "engine/qmp/look.h"
#include "engine/qmp/reap.h"

/* One disk of the request, and what has been done about it: undone in reverse. */
struct begin_disk {
    char *name, *base, *target, *format;
    bool track;
    bool is_device; /* the target is a block device */
    const struct view_disk *source;
    char file_node[NODE_NAME_MAX], format_node[NODE_NAME_MAX];
    bool created, file_added, format_added;
};

struct begin {
    struct task task; /* first */
    char tag[HV_TAG_MAX];
    char *checkpoint;
    VEC(struct begin_disk) disks;
    enum quiesce quiesce;
    bool reuse_external;
    uint64_t bandwidth;
    struct backup_begun begun, *ret;
    struct look look;
    struct fsm fsm;
    size_t next;    /* which disk, in states that go from one to the next */
    struct err err; /* the first error: then everything is undone */
    bool marked;    /* the freeze is written down at QEMU; a thaw is owed */
    bool frozen;    /* the agent said so */
    bool late;      /* and was thawed before the transaction's answer came */
    bool asked;     /* the transaction was sent, */
    bool uncertain; /* and may have happened although it has failed for us */
    ev_timer hold;  /* how long the guest may stay frozen */
    struct reap retract;
    bool retracting;
};

/* Is the request in order by itself?  Before anything is asked. */
int begin_check_request(const struct backup_request *request, struct err *err);

/* Why the guest cannot be quiesced, or NULL. */
const char *begin_check_quiesce(const struct begin *b);

/* Is it in order with what the look has shown?  Fills in each disk's source. */
int begin_check_domain(struct begin *b, struct err *err);

/* Has the last wait gone wrong, or has somebody asked for the end?  The first error counts. */
static inline bool begin_is_bad(struct begin *b)
{
    if (b->err.code == ERR_NONE)
        b->err = b->task.wait_err;
    if (b->err.code == ERR_NONE && b->task.canceled)
        err_set(&b->err, ERR_CANCELED, "cancelled");
    return b->err.code != ERR_NONE;
}

/* begin_quiesce.c.  A failure becomes the backup's error with QUIESCE_REQUIRE, else a note. */
void begin_quiesce_failed(struct begin *b, const struct err *why);
bool begin_wants_freeze(struct begin *b); /* false, with the reason noted, where it cannot be */
void begin_freeze(struct begin *b);
void begin_thaw(struct begin *b);
void begin_thawed(struct begin *b);
void begin_unmark(struct begin *b);
int begin_judge_quiesce(struct begin *b); /* -1: the backup must not stay */

/* begin_undo.c.  True: suspended; false: all is undone. */
bool begin_undo_next(struct begin *b);    /* what was made for a transaction that did not happen */
bool begin_retract_next(struct begin *b); /* one that did: the jobs, the checkpoint */

#endif

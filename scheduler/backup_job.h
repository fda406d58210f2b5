/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/backup_*.c.  The states of a backup, see backup_job.c. */
#ifndef VMKEEP_SCHEDULER_BACKUP_JOB_H
#define VMKEEP_SCHEDULER_BACKUP_JOB_H

#include "scheduler/hv_session.h"

enum backup_state {
    B_QUEUED,
    B_LOOKING,
    B_CLEANING,
    B_PROBING,
    B_NUMBERING,
    B_SURVEYING,
    B_CHECKING,
    B_COMPARING,
    B_PREPARING,
    B_BEGINNING,
    B_COPYING,
    B_ASKING,
    B_WEIGHING,
    B_PULLING,
    B_CONFIRMING,
    B_UNEXPORTING,
    B_PUBLISHING,
    B_RECORDING,
    B_FORGETTING,
    B_DROPPING_OLD,
    B_DONE,
    B_ABORTING,
    B_RELEASING,
    B_DROPPING_NEW,
    B_DISCARDING,
    B_FAILED,
};

/* backup_copy.c */
struct op *backup_start_probing(struct run *r, struct err *err);
int backup_after_copying(struct run *r);
int backup_after_asking(struct run *r);
int backup_after_weighing(struct run *r);

/* backup_number.c */
struct op *backup_start_numbering(struct run *r, struct err *err);
int backup_after_numbering(struct run *r);

/* backup_end.c */
int backup_after_recording(struct run *r);
int backup_after_forgetting(struct run *r);
int backup_after_dropping_old(struct run *r);
int backup_after_done(struct run *r);
int backup_after_aborting(struct run *r);
int backup_after_releasing(struct run *r);
int backup_after_dropping_new(struct run *r);
int backup_after_discarding(struct run *r);
int backup_after_failed(struct run *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/backup*.c.  The states of a backup, see backup.c.
 */
#ifndef VMKEEP_JOBS_BACKUP_RUN_H
#define VMKEEP_JOBS_BACKUP_RUN_H

#include "jobs/hv_session.h"
#include "jobs/survey.h"

struct backup_run {
    struct hv_run hv;
    /* the policy's */
    struct strlist disks; /* globs */
    enum backup_mode mode;
    bool mode_open; /* it does not say which; see backup_plan_mode */
    char mode_why[ERR_MSG_MAX];
    enum quiesce quiesce;
    int freeze_s;
    char *scratch; /* the directory of scratch spaces; NULL: none */
    uint64_t bandwidth;
    /* what was found */
    struct store_space space;
    struct survey_look look; /* what is in the repository of the domain's points */
    bool has_base;
    struct point base;
    char *former; /* the policy's current checkpoint, which goes when this one is there; or NULL */
    bool base_current; /* that is the base's */
    char base_missing[ERR_MSG_MAX];
    int64_t others_since;    /* elapsed time when somebody else was found at work; 0: nobody was */
    int64_t numbering_since; /* elapsed time */
    int64_t weighed;         /* elapsed time of the last look at the space that is left */
    /* what was made */
    enum point_made reached;  /* of the plan, in the repository: what an undo may remove */
    int64_t awaits_since;     /* elapsed time when its repository was missed; 0: it was not */
    bool found_again;         /* it answers, and was tried again */
    struct err missed;        /* why it was missed */
    enum job_outcome verdict; /* recorded; told when all is done that follows */
    struct point published;
};

static inline struct backup_run *backup_of(const struct job_run *r)
{
    return (struct backup_run *)r;
}

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
    B_EXPLAINING,
    B_CONFIRMING,
    B_UNEXPORTING,
    B_PUBLISHING,
    B_AWAITING,
    B_LOOKING_FOR,
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
/* Of a pull's copy. */
void backup_job_progress(void *ctx, uint64_t done, uint64_t total, uint64_t scratch);
/* There is too little scratch space to begin, of which r->err tells. */
bool backup_scratch_lacks(struct job_run *r);
struct op *backup_start_probing(struct job_run *r, struct err *err);
int backup_after_copying(struct job_run *r);
int backup_after_asking(struct job_run *r);
int backup_after_weighing(struct job_run *r);
int backup_after_pulling(struct job_run *r);
/* It was asked why the copy was cut off. */
int backup_after_explaining(struct job_run *r);

/* backup_others.c */
/* It was looked at: r->err.  True: it rests, to look again. */
bool backup_waits_for_others(struct job_run *r);

/* backup_number.c */
struct op *backup_start_numbering(struct job_run *r, struct err *err);
int backup_after_numbering(struct job_run *r);

/* backup_await.c: the repository is not there. */
/* As job_unless_bad, after work at the repository.  It may be mounted, or mended, at any time: what
 * goes wrong there is tried again, but not that the place is somebody else's. */
int backup_unless_refused(struct job_run *r, int next, int instead);
/* Where a copy is finished. */
bool backup_waits_for_repository(struct job_run *r);
struct op *backup_start_awaiting(struct job_run *r, struct err *err);
int backup_after_awaiting(struct job_run *r);
int backup_after_looking_for(struct job_run *r);

/* backup_end.c */
int backup_after_recording(struct job_run *r);
int backup_after_forgetting(struct job_run *r);
int backup_after_dropping_old(struct job_run *r);
int backup_after_done(struct job_run *r);
int backup_after_aborting(struct job_run *r);
int backup_after_releasing(struct job_run *r);
int backup_after_dropping_new(struct job_run *r);
int backup_after_discarding(struct job_run *r);
int backup_after_failed(struct job_run *r);

/* backup_base.c: run->base, and why nothing can stand on it. */
int backup_base_load(struct job_run *r, struct err *err);

/* backup_plan.c */
/* Lists the disks that are to be compared before the plan is made. */
void backup_plan_compare(struct job_run *r);
/* Push or pull, where the policy leaves that open: the repository has been looked at. */
void backup_plan_mode(struct job_run *r);
int backup_plan_make(struct job_run *r, struct err *err);
struct op *backup_plan_begin(struct job_run *r, struct err *err);
struct op *backup_plan_pull(struct job_run *r,
                            struct err *err); /* copies what begin has exported */
struct store_scratch backup_plan_scratch(const struct job_run *r);

/* backup_prepare.c: the point's directory. */
struct op *backup_prepare(struct job_run *r, struct err *err);

/* backup_disks.c: what the planned point lacks of what was there, and what it leaves out. disks:
 * those that it has. */
int backup_disks_absent(struct job_run *r, const struct disk_facts *const *disks, size_t n,
                        struct err *err);
/* Appends it to the outcome's reason. */
void backup_disks_tell(const struct job_run *r, const struct point *p, char reason[ERR_MSG_MAX]);

/* Of a first backup: what the domain was called before; NULL: nothing is known.  Caller frees. */
char *backup_renamed(const struct job_run *r);
/* A domain that has another UUID than at its last point has nothing to stand on: base_missing. */
int backup_note_remade(struct job_run *r, struct err *err);
/* The point is recorded. */
void backup_keep_uuid(struct job_run *r);

#endif

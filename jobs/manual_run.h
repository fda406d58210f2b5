/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/manual_*.c: a backup begun by hand, and work on checkpoints.
 *
 *   manual_backup.c      the state machine of a backup begun by hand
 *   manual_begin.c       its documents, completed, and its row
 *   manual_compare.c     what its disks were, and are
 *   manual_places.c      its files and its socket: checked, made, removed
 *   request.c            short work on a domain that is no job
 *   manual_checkpoint.c  checkpoints made and described by hand
 *   manual_delete.c      checkpoints deleted by hand
 *   manual_redefine.c    what is known of checkpoints that are there, told again
 *   views.c              checkpoints as they are: the catalog's rows and the real bitmaps, joined
 */
#ifndef VMKEEP_JOBS_MANUAL_RUN_H
#define VMKEEP_JOBS_MANUAL_RUN_H

#include "engine/backup_document.h"
#include "engine/checkpoint_document.h"
#include "jobs/hv_session.h"
#include "jobs/job.h"
#include "jobs/request.h"
#include "storage/places/made.h"
#include "storage/places/places.h"
#include "storage/store/places_ask.h"

struct manual_backup_run {
    struct hv_run hv;
    struct backup_document *document;
    struct checkpoint_document *checkpoint_document; /* NULL: none was asked for */
    struct api_reply reply;                          /* not yet given */
    bool cleaned;
    char *scratch;           /* the directory of scratch spaces, */
    char *own_scratch;       /* and its own in there */
    struct made_list made;   /* by us */
    struct made_list placed; /* just now */
    bool checkpoint_unmade;  /* nothing at the hypervisor bears its name for us */
};

static inline struct manual_backup_run *manual_of(const struct job_run *r)
{
    return (struct manual_backup_run *)r;
}

/* Both documents against what the domain has. */
int api_documents_complete(struct job_run *r, struct err *err);
/* What of the request is not in its written form. */
void api_document_adopt(struct job_run *r);
/* ERR_INVALID: only vmkeep itself may choose such a name. */
int api_check_name(const char *name, struct err *err);
/* Its row. */
int api_job_commit(struct job_run *r, struct err *err);

/* What it writes to, from when it is being begun. */
void manual_places_owned(const struct job_run *r, struct owned_list *ret);

/* manual_places.c.  Each asks vmkeep-store; NULL without *err: there is nothing to wait for. */
struct op *api_places_check(struct job_run *r, struct err *err);
struct op *api_places_make(struct job_run *r, struct err *err);
struct op *api_places_clear(struct job_run *r, bool targets, struct err *err);
/* api_places_make has ended: what was made is written down. */
int api_places_made(struct job_run *r, struct err *err);
struct op *api_places_name(struct job_run *r, struct err *err);
/* What a former life has made. */
void api_places_resume(struct job_run *r);

/* manual_compare.c.  The disks of an increment, for hv_compare_start; and whether they fit:
 * ERR_CORRUPT names the ranges. */
int api_compare_list(struct job_run *r, struct err *err);
int api_compare_judge(struct job_run *r, struct err *err);
/* The disks of a checkpoint by hand that has just been made, to be mapped; and what came of it. */
int api_map_list(struct job_env *e, const char *host, const char *domain, const char *checkpoint,
                 struct compared *ret, struct err *err);
void api_map_keep(struct job_env *e, const char *host, const char *domain, const char *checkpoint,
                  const struct compared *maps, const struct err *failed);

/* After a look: what t->document says of a checkpoint is recorded. */
int api_redefine(struct request *t, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * api: the backup API as users reach it: backups begun by hand, checkpoints of their own, and
 * figures of jobs.  Documents come as structs: whoever asks has read them.
 *
 * All of these answer later, from the loop (or, when they can be refused at once, from inside the
 * call): done runs exactly once, or never when the daemon ends first.  A domain is DOMAIN or
 * HOST/DOMAIN, of those that the hosts have, whether a policy covers it or not.
 */
#ifndef VMKEEP_JOBS_API_H
#define VMKEEP_JOBS_API_H

#include "base/err.h"
#include "engine/backup_document.h"
#include "engine/checkpoint_document.h"
#include "jobs/answers.h"

struct job_env;

/* Either err is NULL, or answer is. Both are borrowed for the call. */
struct api_reply {
    void (*done)(void *ctx, const struct err *err, const struct api_answer *answer);
    void *ctx;
};

struct api_begin {
    const char *domain;
    struct backup_document *document;       /* as it was read; taken over, */
    struct checkpoint_document *checkpoint; /* and this, too; NULL: no checkpoint */
    bool reuse_external;                    /* the files exist, made by the caller */
};

/* Answers when the backup has begun (ANSWER_BEGUN).  ERR_BUSY names what runs; the other
 * refusals are those of engine/backup_document.h, engine/checkpoint_document.h and
 * backup_begin. */
void api_backup_begin(struct job_env *e, const struct api_begin *a, struct api_reply reply);

/* Ends the domain's job that runs: a pull well, everything else as aborted.  *ret_job: its number,
 * to wait for; 0: it was only being begun, and who begins it is told.  ERR_NOTFOUND: none runs. */
int api_abort(struct job_env *e, const char *domain, int64_t *ret_job, struct err *err);

/* The figures of the backup that runs, as they are now (ANSWER_JOB). */
void api_job_info(struct job_env *e, const char *domain, struct api_reply reply);

struct api_create {
    const char *domain;
    struct checkpoint_document *document; /* as it was read; taken over */
    bool redefine; /* the bitmaps are there: only what is known of the checkpoint is recorded */
    bool validate; /* ... and they must be there, and good */
    bool quiesce;  /* with the guest's file systems frozen; ERR_UNSUPPORTED when they cannot be */
};

/* ANSWER_MADE.  Refused with ERR_BUSY while a job of the domain runs. */
void api_checkpoint_create(struct job_env *e, const struct api_create *c, struct api_reply reply);

/* ANSWER_CHECKPOINTS: the catalog's and the bitmaps that are really there, joined. */
void api_checkpoint_list(struct job_env *e, const char *domain, struct api_reply reply);

/* ANSWER_DOCUMENT.  size: with the bytes that a backup from it would copy now. */
void api_checkpoint_describe(struct job_env *e, const char *domain, const char *name, bool size,
                             bool no_domain, struct api_reply reply);

enum api_delete {
    DELETE_ONE,
    DELETE_CHILDREN,      /* it, and all that came of it */
    DELETE_CHILDREN_ONLY, /* all that came of it, but not itself */
    DELETE_FOR_REVERT, /* all there are, those of policies too: QEMU reverts no disk that has one */
};
/* ANSWER_DELETED.  name: NULL with DELETE_FOR_REVERT.  metadata: the bitmaps stay; they can
 * be deleted or redefined later.  Refused: ERR_BUSY (a job of the domain runs, or a policy's
 * chain hangs on it), ERR_DENIED (vmkeep did not make it), ERR_NOTFOUND. */
void api_checkpoint_delete(struct job_env *e, const char *domain, const char *name,
                           enum api_delete what, bool metadata, struct api_reply reply);

#endif

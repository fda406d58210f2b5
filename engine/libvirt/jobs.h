/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  Backup jobs of ours: those that run, and how those ended that were
 * seen ending.  Libvirt itself keeps of an ended job the figures alone, and those of the last one
 * of each domain, until somebody reads them.
 *
 *   jobs.c      what is remembered
 *   events.c    what events make of it
 *   job_ask.c   job_stats, abort_job, job_forget
 *   guard.c     looks after the guest while they run
 *   thaw.c      thaws what a lost connection has left
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_JOBS_H
#define VMKEEP_ENGINE_LIBVIRT_JOBS_H

#include "engine/libvirt/documents.h"
#include "engine/libvirt/host.h"
#include "engine/writing.h"

enum libvirt_job_phase {
    LIBVIRT_JOB_BEGINS, /* libvirt was asked to begin it, and has not answered */
    LIBVIRT_JOB_RUNS,
    LIBVIRT_JOB_ENDED,
};

/* One of ours. */
struct libvirt_job {
    struct libvirt_job *next;
    char *domain, *tag, *place; /* see struct hv_job */
    enum backup_mode mode;
    enum libvirt_job_phase phase;
    int ends_seen;           /* while it began: of whose job, nobody knows yet */
    bool ending;             /* we have asked for its end */
    struct err given_up;     /* ... for the guest's sake: why */
    bool told;               /* RUNS: of an end that nobody has looked for yet */
    enum hv_job_state end;   /* told, or ENDED: how, */
    struct err why;          /* and why, */
    bool unexplained;        /* which libvirt has not said */
    bool settled;            /* its files are closed */
    bool rescuing;           /* guard.c is at work on it */
    uint64_t total;          /* of its copies, in bytes, as far as that is known */
    struct writing *writing; /* of a push that runs; NULL: nothing is */
};

/* A guest that a backup of ours has frozen. */
struct libvirt_frozen {
    struct libvirt_frozen *next;
    char *domain;
    double since; /* loop time */
    int tries;    /* thaws that were in vain */
    char why[ERR_MSG_MAX];
};

struct libvirt_jobs {
    struct libvirt_job *first;
    struct libvirt_frozen *frozen;
    ev_timer clock; /* guard.c: runs while a job does */
};

extern const struct libvirt_hearers libvirt_jobs_hear; /* events.c */
/* The host is let go; tasks and peer are gone. */
void libvirt_jobs_free(struct libvirt_host *h);

/* ---- jobs.c ---- */

/* NULL: nothing is known of it. */
struct libvirt_job *libvirt_job_find(const struct libvirt_host *h, const char *domain,
                                     const char *tag);
/* Before it begins, or when it was found running. */
struct libvirt_job *libvirt_job_add(struct libvirt_host *h, const struct hv_job *job,
                                    enum libvirt_job_phase phase, enum backup_mode mode);
/* The domain's that has not ended; NULL: none. */
struct libvirt_job *libvirt_job_open(const struct libvirt_host *h, const char *domain);
void libvirt_job_end(struct libvirt_host *h, struct libvirt_job *j, enum hv_job_state how,
                     const struct err *why);
/* A look has found that what was told is true. */
void libvirt_job_end_as_told(struct libvirt_host *h, struct libvirt_job *j);
/* NULL-safe. */
void libvirt_job_drop(struct libvirt_host *h, struct libvirt_job *j);
/* It has ended, and nobody saw how: it was cancelled by us. */
void libvirt_job_ended_by_us(struct libvirt_host *h, struct libvirt_job *j);

/* What is owed to a guest.  since: loop time; 0: it is thawed. */
void libvirt_note_frozen(struct libvirt_host *h, const char *domain, double since);
void libvirt_note_thaw_failed(struct libvirt_host *h, const char *domain, const char *why);

/* A thaw is not confirmed; a freeze must wait for it.  ERR_UNSUPPORTED, with what to do. */
int libvirt_refuse_freeze(struct libvirt_host *h, const char *domain, struct err *err);

/* Into the facts.  domain: NULL is fine. */
void libvirt_tell_frozen(struct libvirt_host *h, const char *domain, struct domain_facts *ret);

/* ---- of struct hypervisor_ops ---- */

void libvirt_thaw(struct hypervisor *hv, const char *domain, struct hv_thaw *ret);
struct op *libvirt_job_stats(struct hypervisor *hv, const struct hv_job *job,
                             struct hv_job_stats *ret, op_done done, void *ctx, struct err *err);
struct op *libvirt_abort_job(struct hypervisor *hv, const struct hv_job *job, op_done done,
                             void *ctx, struct err *err);
struct op *libvirt_job_forget(struct hypervisor *hv, const struct hv_job *job, op_done done,
                              void *ctx, struct err *err);

/* ---- thaw.c ---- */

void libvirt_owe_thaw(struct hypervisor *hv, const char *domain, bool surely);

/* There is a connection again: whatever a thaw is still owed to is thawed. */
void libvirt_thaw_owed(struct libvirt_host *h);

/* ---- guard.c ---- */

/* The job runs: its guest is looked after from now on.  To be weighed soon, for the first marks. */
void libvirt_guard_start(struct libvirt_host *h, struct libvirt_job *j);
/* Is there space left where its job writes?  NULL: all. */
void libvirt_guard_weigh(struct libvirt_host *h, const char *domain);
/* The domain's guest was stopped by an I/O error: is it our job's doing? */
void libvirt_guard_stopped(struct libvirt_host *h, const char *domain, const char *reason);

#endif

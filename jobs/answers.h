/* SPDX-License-Identifier: MIT
 *
 * answers: what the backup API answers, as plain structs.  An answer and all that it points to
 * are there for the call that brings them only.  What is NULL is not known, or not there.
 */
#ifndef VMKEEP_JOBS_ANSWERS_H
#define VMKEEP_JOBS_ANSWERS_H

#include "engine/checkpoint_document.h"
#include "engine/hypervisor.h"
#include "jobs/obstacle.h"
#include "storage/catalog/catalog.h"
#include "storage/store/store.h"

/* A backup by hand that has begun. */
struct begun_answer {
    int64_t job;
    const char *checkpoint;
    const char *unsafe; /* why the copy could harm the guest's writes; NULL: it cannot */
};

/* The figures of a backup that runs. */
struct job_answer {
    const struct job *row; /* NULL: none runs */
    bool begun;            /* the hypervisor has taken it on, */
    int64_t elapsed_ms;    /* so long ago */
};

/* A checkpoint as it is: the catalog's row and the bitmaps that are really there, joined. */
enum view_state {
    VIEW_CONSISTENT,
    VIEW_INCONSISTENT,
    VIEW_MISSING,
    VIEW_FORGOTTEN, /* its bitmaps are vmkeep's own, but it was let go of */
    VIEW_FOREIGN,
    VIEW_UNKNOWN,
};
const char *view_state_name(enum view_state v);

struct view_disk {
    char *name;
    uint64_t capacity;
    const struct bitmap_facts *bitmap; /* NULL: not there */
};
struct view {
    char *name;
    const struct checkpoint *row; /* NULL: only bitmaps */
    enum view_state state;
    VEC(struct view_disk) disks;
};
struct view_list {
    struct checkpoint_list rows;
    struct strlist gone; /* made by hand, and deleted */
    VEC(struct view) views;
};

struct checkpoints_answer {
    const char *host, *domain;
    const struct view_list *list;
};

/* Whether the hypervisor can write a push of the domain into a repository. */
struct looked_target {
    char *repository;
    char *problem; /* NULL: it can; it was tried, */
    char *untried; /* as far as it could be; NULL: all of it */
    bool made;     /* a file for it to open could be made there */
    bool late;     /* that was not answered in time */
};

/* A domain, freshly looked at. */
struct looked_domain {
    char *host, *domain;
    struct domain_facts *facts; /* NULL: it could not be looked at, */
    char *problem;              /* because of that */
    bool late;                  /* it has not answered in time */
    int64_t frozen_since;       /* 0: nothing is frozen */
    bool agent_asked;
    char *agent_problem; /* why the guest's file systems could not be frozen */
    VEC(struct looked_target) targets;
};
struct looked_repository {
    char *name, *path;
    char *problem;            /* NULL: it is there, */
    bool late;                /* it has not answered in time */
    struct store_space space; /* with so much space */
    uint64_t reserve;
    char *unwritable; /* why no file could be made there, or removed again; NULL: it could */
    char *difference; /* what it has and the catalog does not, or the other way round */
};
struct doctor_answer {
    const char *host, *domain; /* what was asked about; NULL: everything; all of that host */
    char *catalog_problem;
    VEC(struct looked_domain) domains;
    VEC(struct looked_repository) repositories;
};

#define LIVE_HOLDERS_MAX 8

/* A job that is queued or running, as it is now. */
struct live_job {
    const struct job *row;
    bool canceled;            /* it has been asked to end */
    const char *doing;        /* in plain words; NULL: it is queued */
    struct obstacle obstacle; /* what it waits for, */
    int64_t obstacle_since;   /* since when; 0: just now */
    int64_t holders[LIVE_HOLDERS_MAX];
    size_t n_holders; /* of the places, where that is a limit */
    int64_t looked;   /* when its figures were read; 0: not yet */
    double per_s;     /* bytes; -1: not known */
    int64_t left_s;   /* -1: not known */
};
/* A backup that has failed, and is tried again by itself. */
struct live_try {
    const char *host, *domain, *policy, *repository;
    enum backup_level level;
    int64_t due, at;
    char *why;           /* "retry 1 of 3: ..." */
    struct job_end last; /* the one that failed */
    enum err_code error; /* its */
};
struct live_answer {
    VEC(struct live_job) jobs; /* by number, as many as fit into one answer */
    VEC(struct live_try) tries;
    bool more; /* there are; to be asked for by: */
    int64_t after;
    size_t tries_after;
};

enum answer_kind {
    ANSWER_NONE,
    ANSWER_BEGUN,
    ANSWER_JOB,
    ANSWER_MADE,        /* a checkpoint: its name */
    ANSWER_CHECKPOINTS, /* all there are */
    ANSWER_DOCUMENT,    /* one checkpoint's description */
    ANSWER_DELETED,     /* checkpoints: their names */
    ANSWER_DOCTOR,
    ANSWER_LIVE,
};

struct api_answer {
    enum answer_kind kind;
    union {
        struct begun_answer begun;
        struct job_answer job;
        const char *made;
        struct checkpoints_answer checkpoints;
        const struct checkpoint_document *document;
        const struct strlist *deleted;
        const struct doctor_answer *doctor;
        const struct live_answer *live;
    } u;
};

#endif

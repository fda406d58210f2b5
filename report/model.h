/* SPDX-License-Identifier: MIT
 *
 * model: how well the policies' promises are kept.  Whoever asks gathers the facts; the judgement
 * is made here, from the age of the newest good point and never from the last job's success, so
 * that a backup which does not run at all is noticed just as one that fails.
 *
 * protected: every policy that promises something (rpo) has a good point that is young enough; when
 * none promises anything, there is a good point at least.  unprotected: no policy selects the
 * domain; but left out, when the configuration says that this is meant, and gone when the domain is
 * in the configuration no more.  at risk: all else.
 *
 * Why it is so stands in reasons (report/reason.h), each with what to do about it: of each policy's
 * promise, of the domain, of each repository, of the daemon.  Nothing else decides whether somebody
 * must act.
 */
#ifndef VMKEEP_REPORT_MODEL_H
#define VMKEEP_REPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"
#include "report/reason.h"
#include "report/room.h"

enum protection {
    PROTECTION_GOOD,
    PROTECTION_AT_RISK,
    PROTECTION_NONE,
    PROTECTION_LEFT_OUT,
    PROTECTION_GONE,
    PROTECTION_COUNT
};

/* protected, at risk, unprotected, left out, gone */
const char *protection_name(enum protection p);

struct status_job {
    int64_t id; /* 0: none */
    enum job_outcome outcome;
    char *reason;
    int64_t started, ended; /* started 0: it had not begun */
};

/* Why a disk that is attached is in no backup. */
enum left_out_by {
    LEFT_OUT_BY_NATURE,  /* a CD-ROM, a read-only disk: no scheduled backup takes it */
    LEFT_OUT_ON_PURPOSE, /* a policy's disks leave it out */
    LEFT_OUT_UNSELECTED, /* no policy's disks select it: perhaps forgotten */
};

struct status_left_out {
    char *name;
    enum left_out_by by;
    char *why;
};

/* A policy that selects the domain. */
/* Of a policy and domain, in a second repository. */
struct status_copies {
    char *repository;
    size_t points;   /* good ones that are there */
    bool has_newest; /* the policy's newest good point is among what they are copies of */
    size_t damaged;  /* so many are damaged, */
    char *damage;    /* and of the newest of them: what it is, and why; NULL: none is */
    size_t behind;   /* points that are to be there by now, and are not */
    int64_t oldest;  /* of these; 0: there are none */
    int64_t last;    /* the newest point of which there is a good one; 0: there is none */
    bool active;     /* a job copies, or waits for its turn */
    char *problem;   /* some are behind: how the last job failed; NULL: it did not */
};

/* A job beside backups that failed, and none of its kind succeeded since. */
struct status_failure {
    char *kind, *repository;
    char *problem; /* "job 12: REASON" */
    int64_t at;
};

struct status_policy {
    char *name, *repository;
    int64_t rpo;       /* seconds; 0: no promise */
    int64_t last_good; /* the newest point that can be restored; 0: none */
    int64_t proven;    /* the newest point of which all was read again and is whole; 0: none, */
    int64_t proven_at; /* when it was */
    int64_t unread;    /* since then a good point was not read whole, longer than max_age: */
    size_t n_unread;   /* so many points; 0: it is kept */
    int64_t max_age;   /* 0: not promised */
    int64_t last_bad;  /* no point can be restored, and this is the newest; 0: there is none */
    char *lacks;       /* disks that an older point has and the newest one lacks; NULL: none */
    int64_t aside;     /* the newest point that is set aside: it proves nothing; 0: none */
    char *former;      /* it has no point of any kind, and this policy, which is not configured, has
                        * one of the domain, the newest of which is of former_last; NULL: none */
    int64_t former_last;
    int64_t next_run; /* 0: none. In the past: overdue */
    char *next_why;
    uint64_t next_needs; /* bytes of room, as the last of its level took; 0: not known, or there is
                          * room for any */
    struct status_job last_job; /* the last backup that ended */
    int64_t active;             /* the job that waits or runs for it now; 0: none */
    bool is_running;            /* that job does */
    size_t points;              /* good ones */
    size_t chain;               /* of these, the newest one's chain; figures only, as last_bytes */
    uint64_t last_bytes;        /* of the newest one */
    VEC(struct status_copies) copies;
    VEC(struct status_failure) failures;

    /* status_judge fills in.  One that promises nothing does not count beside one that does, nor
     * where another has a good point: then it may be at risk, and its domain is not. */
    enum protection protection;
    bool counts;
    struct reason_list reasons;
};

/* What came of a domain's backups on a day. */
enum day_kind { DAY_NONE, DAY_FULL, DAY_INCREMENTAL, DAY_FAILED, DAY_MISSED };
#define STATUS_DAYS 14
const char *day_kind_name(enum day_kind k); /* none, full, incremental, failed, missed */

struct status_domain {
    char *host, *domain;
    char *state, *problem; /* as last seen; NULL: never, none */
    char *unsafe;          /* why a copy could harm the guest, as last seen; NULL: it could not */
    char *aside;           /* what there is to say of points that are set aside; NULL: nothing */
    char *bad_points;      /* of damaged and missing points, a sentence; NULL: there are none */
    size_t n_uncovered;    /* points under policies that do not select it (any more), */
    char *uncovered;       /* the newest one's policy; NULL: there is none */
    bool needs_images;     /* it is shut off, and could be backed up were its images configured */
    int64_t froze_ms, froze_at; /* for its last backup that froze them; at 0: none has */
    int64_t frozen_since;       /* its file systems are perhaps frozen, by us; 0: they are not */
    bool left_out_on_purpose;   /* no policy selects it, and that is meant */
    bool gone;                  /* it is in the configuration no more, or its host is not */
    size_t points;              /* in all */
    VEC(struct status_left_out) left_out; /* what is attached and in no policy's backups */
    VEC(struct status_policy) policies;
    int64_t last_point; /* the newest one that can be restored, of any policy; 0: none */
    unsigned char days[STATUS_DAYS]; /* enum day_kind, today last; where asked for: */
    bool has_days;

    /* status_judge fills in: */
    enum protection protection;
    char *reason;               /* one sentence without a full stop */
    struct reason_list reasons; /* what is not of one policy alone */
    int64_t rpo;                /* the strictest; 0: no promise */
    int64_t next_run;           /* the first; 0: none */
};

struct status_repository {
    char *name, *path;
    char *state, *problem; /* NULL: not seen yet, none */
    char *difference; /* what is there and the catalog does not know, or the reverse; NULL: none */
    char *key;        /* the file of its key; NULL: it does not encrypt, by the configuration */
    bool has_space, read_only;
    bool is_silent; /* it has not answered in time */
    bool is_back;   /* the problem is what the daemon saw last, and a look now finds none */
    uint64_t free, total, reserve;
    struct room_trend trend;
    struct reason_list reasons; /* filled in by status_judge */
};

struct status_daemon {
    bool running, starting; /* a starting one runs, and looks at hosts and repositories first */
    char *problem;          /* when it does not run */
    enum err_code error;
    int64_t pid, started, jobs_running, jobs_queued;
    char *version;
    char *catalog_problem;      /* why it cannot write to its catalog; NULL: it can */
    int64_t catalog_since;      /* since then; 0: not known */
    struct reason_list reasons; /* filled in by status_judge */
};

struct status {
    int64_t now;
    struct status_daemon daemon;
    VEC(struct status_domain) domains;
    VEC(struct status_repository) repositories;
    struct reason_list warnings; /* of the configuration, and of the clock */
};

/* Judges everything. */
void status_judge(struct status *s);

/* Every reason that there is: what it is of, and where in the status that is (each may be NULL, and
 * so may all). */
struct status_about {
    const struct status_domain *domain;
    const struct status_policy *policy;
    const struct status_repository *repository;
    bool daemon;
};
typedef void status_on_reason(void *arg, const struct status_about *about, const struct reason *r);
void status_reasons(const struct status *s, status_on_reason *each, void *arg);

/* The worst of all reasons. */
enum severity status_severity(const struct status *s);

struct status_counts {
    size_t domains[PROTECTION_COUNT];
    size_t repositories;  /* that somebody must see to */
    size_t acts;          /* all else that somebody must act on, but the daemon */
    struct strlist codes; /* of these, each once */
};
void status_counts_done(struct status_counts *n);
/* Released with status_counts_done. */
struct status_counts status_count(const struct status *s);

/* "NOT PROTECTED: 1 domain at risk, 2 protected; vmkeepd is not running". Caller frees. */
char *status_summary(const struct status *s);

/* What to do about points that are damaged or missing. */
#define STATUS_POINTS_ADVICE                                                                       \
    "`vmkeep points` tells why of each; bring back the files, and have `vmkeep verify` read "      \
    "them; or let go of them by `vmkeep delete POINT --with-dependents`: they count for no "       \
    "rule, and the next backup starts a chain of its own"

/* What to do about a repository that cannot be used. Caller frees. */
char *status_repository_advice(const char *name);
/* What to do about one that does not answer. */
#define STATUS_DEAD_ADVICE "see whether its server, or its disk, is alive"

/* What to do about a repository that has no room. */
#define STATUS_ROOM_ADVICE                                                                         \
    "make room on its file system; `vmkeep prune --dry-run` tells what the rules would let go, "   \
    "`vmkeep delete` lets points go by name"

/* What to do where catalog and repository do not agree. */
#define STATUS_DIFFERENCE_ADVICE                                                                   \
    "`vmkeep rebuild-catalog` takes in what is there, and forgets what is not (`vmkeep "           \
    "repository check` lists it before); see lost-catalog.md of the documentation"

/* In which order domains are told of, the worst first: 0 is at risk, then unprotected, then what
 * else there is to see to, then protected, then left out and gone. */
#define STATUS_RANKS 5
int status_rank(const struct status_domain *d);

/* The last backup of the domain that ended, under whichever policy; NULL: none. Borrowed. */
const struct status_job *status_last_job(const struct status_domain *d);

void status_domain_done(struct status_domain *d);
void status_done(struct status *s);

#endif

/* SPDX-License-Identifier: MIT
 *
 * model: how well the policies' promises are kept.  Whoever asks gathers the facts; the judgement
 * is made here, from the age of the newest good point and never from the last job's success, so
 * that a backup which does not run at all is noticed just as one that fails.
 *
 * protected: every policy that promises something (rpo) has a good point that is young enough; when
 * none promises anything, there is a good point at least.  unprotected: no policy selects the
 * domain.  at risk: all else.
 */
#ifndef VMKEEP_REPORT_MODEL_H
#define VMKEEP_REPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/model.h"

#define STATUS_REASON_MAX 1024

enum protection { PROTECTION_GOOD, PROTECTION_AT_RISK, PROTECTION_NONE };

/* protected, at risk, unprotected */
const char *protection_name(enum protection p);

struct status_job {
    int64_t id; /* 0: none */
    enum job_outcome outcome;
    char *reason;
    int64_t ended;
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
struct status_policy {
    char *name;
    int64_t rpo;       /* seconds; 0: no promise */
    int64_t last_good; /* the newest point that can be restored; 0: none */
    char *lacks;       /* disks that an older point has and the newest one lacks; NULL: none */
    int64_t aside;     /* the newest point that is set aside: it proves nothing; 0: none */
    int64_t next_run;  /* 0: none. In the past: overdue */
    char *next_why;
    struct status_job last_job; /* the last backup that ended */
};

struct status_domain {
    char *host, *domain;
    char *state, *problem; /* as last seen; NULL: never, none */
    char *unsafe;          /* why a copy could harm the guest, as last seen; NULL: it could not */
    char *aside;           /* what there is to say of points that are set aside; NULL: nothing */
    char *bad_points;      /* of damaged and missing points, a sentence; NULL: there are none */
    int64_t frozen_since;  /* its file systems are perhaps frozen, by us; 0: they are not */
    VEC(struct status_left_out) left_out; /* what is attached and in no policy's backups */
    VEC(struct status_policy) policies;
    int64_t last_point; /* the newest one that can be restored, of any policy; 0: none */

    /* status_judge fills in: */
    enum protection protection;
    char reason[STATUS_REASON_MAX];
    int64_t rpo;      /* the strictest; 0: no promise */
    int64_t next_run; /* the first; 0: none */
};

struct status_repository {
    char *name, *path;
    char *state, *problem; /* NULL: not seen yet, none */
    char *difference; /* what is there and the catalog does not know, or the reverse; NULL: none */
    bool has_space;
    uint64_t free, total;
};

struct status_daemon {
    bool running;
    char *problem; /* when it is not */
    int64_t pid, started, jobs_running, jobs_queued;
    char *version;
};

struct status {
    int64_t now;
    struct status_daemon daemon;
    VEC(struct status_domain) domains;
    VEC(struct status_repository) repositories;
    struct strlist warnings;
};

/* One policy's promise to one domain; reason: one sentence without a full stop.  problem: why the
 * domain cannot be backed up now, or NULL. */
enum protection status_judge_policy(const struct status_policy *p, const char *problem, int64_t now,
                                    char reason[STATUS_REASON_MAX]);

/* Judges every domain. */
void status_judge(struct status *s);

/* Is there nothing that somebody should look at: no domain at risk or unprotected, no guest that is
 * perhaps frozen, no warning? */
bool status_is_good(const struct status *s);

/* Is there a damaged or missing point, or a repository that cannot be used?  The promises may be
 * kept all the same, for now. */
bool status_has_trouble(const struct status *s);

/* What to do about points that are damaged or missing. */
#define STATUS_POINTS_ADVICE                                                                       \
    "`vmkeep points` tells why of each; bring back the files, or leave it at that: they count "    \
    "for no rule, and the next backup starts a chain of its own"

/* What to do about a guest that is perhaps frozen. */
#define STATUS_THAW_ADVICE                                                                         \
    "in the guest, see to its agent, or run `fsfreeze --unfreeze MOUNTPOINT`; vmkeepd tries to "   \
    "thaw it until the agent confirms it"

/* The last backup of the domain that ended, under whichever policy; NULL: none. Borrowed. */
const struct status_job *status_last_job(const struct status_domain *d);

void status_domain_done(struct status_domain *d);
void status_done(struct status *s);

#endif

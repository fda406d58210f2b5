/* SPDX-License-Identifier: MIT
 *
 * plan: what to run next for one domain under one policy, with which level, and why.
 *
 * Two questions, asked at two times.  plan_next says when the next backup is due; the answer
 * needs the schedule and the history only.  plan_levels says, when the job begins and the
 * hypervisor has been looked at, which disks can be incremental; a disk that cannot be tracked
 * back to the base point without a gap gets a full, and the sentence says why.
 * Both are pure functions.
 */
#ifndef VMKEEP_POLICIES_PLAN_H
#define VMKEEP_POLICIES_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/model.h"
#include "policies/config.h"

#define PLAN_WHY_MAX 1000        /* of a whole, or a disk */
#define PLAN_LEVELS_WHY_MAX 4000 /* of all disks together */
#define PLAN_RETRIES_S 2100 /* from a failure to the last retry of it, where each fails at once */

/* What the catalog knows of a (domain, policy) for scheduling.  The last run is that of the newest
 * job that was not asked for by hand; its retries are no runs of their own. */
struct plan_history {
    int64_t since;        /* the policy has selected the domain since then */
    int64_t last_due;     /* what the last run was due at; 0: there was none */
    int64_t last_created; /* what the clock showed when it was made */
    int64_t ago;          /* how long that is ago, in seconds that nobody sets; -1: it was
                                     before this machine was booted */
    int64_t uptime;       /* seconds since then */
    int64_t before;       /* ago -1: the latest due time of any run that the clock, as it
                                     stands, can have shown before the boot; 0: none */
    int64_t distance;     /* plan_shortest_distance of the policy */
    const int64_t *dues;  /* all due times that runs were made for, after plan_baseline */
    size_t n_dues;
    bool has_attempt;             /* a scheduled backup has ended since last_due */
    bool failed;                  /* and it failed, for a reason that may pass (err_is_transient) */
    int64_t last_end;             /* when it ended */
    int failures;                 /* failed attempts for last_due, retries among them */
    enum backup_level last_level; /* the level that was asked for then */
};

struct plan_due {
    int64_t at;              /* UTC; when to begin; may lie in the past */
    int64_t due;             /* the due time to record for the job: at, or for a retry that of the
                                run that failed, so that its failures can be counted */
    enum backup_level level; /* asked for; plan_levels may still make it a full */
    bool missed;             /* it came due while nobody could run it, and is made up for */
    bool retry;
    char why[PLAN_WHY_MAX]; /* "scheduled: incremental, Mon..Sat *-*-* 02:30:00" */
};

/* The shortest time between two elapses that follow one another; 0: there are none. */
int64_t plan_shortest_distance(const struct config_policy *policy, const struct zone *zone);
/* The longest within some years; 0: there are not two. */
int64_t plan_longest_distance(const struct config_policy *policy, const struct zone *zone);

/* Elapses later than this count.  started: see plan_next. history: all but dues. */
int64_t plan_baseline(const struct plan_history *history, int64_t started, int64_t now);

/* The next backup of one domain under the policy.  started: when this daemon began to keep the
 * policy, by the clock of now.  False: never.
 *
 * What is due by now is answered by one run, at the latest of these times (so that none of them is
 * found again), full when a full is among them. It is missed when it came due before `started`, or
 * more than a minute ago; with catch_up off missed ones are let go.  A full due at the same moment
 * wins over an incremental. A failed run is tried again after 5, 10 and 20 minutes, at the level
 * asked for then, unless a scheduled time comes first. An answer holds for this `now` only: ask
 * again when its time has come, or when the clock was set, for more may be due then.
 *
 * Whatever was done to the clock, runs go on as time goes by, and each due time has one run: a
 * time that comes again, for the clock was set back, has another only if half the schedule's
 * distance has gone by since the last; and no run begins within a tenth of its shortest distance
 * after the last, but waits until that is over. */
bool plan_next(const struct config_policy *policy, const struct zone *zone,
               const struct plan_history *history, int64_t started, int64_t now,
               struct plan_due *ret);

/* A disk as the hypervisor shows it now. */
struct plan_disk {
    const char *name;
    uint64_t capacity;
    const char *format;   /* "qcow2", "raw"; NULL: not known */
    bool trackable;       /* its format holds bitmaps */
    bool base_present;    /* the base checkpoint's bitmap is there */
    bool base_usable;     /* ... and recording, consistent, and not in use */
    const char *unusable; /* why not, when base_usable is false: "inconsistent"; NULL: not known */
    /* What it is: see struct disk_origin.  NULL: not known, and then not compared. */
    const char *image, *identity, *device;
    const char
        *contradiction; /* what of the disk contradicts the chain; NULL: nothing that is known */
};

/* What was decided for it. */
struct plan_disk_level {
    enum backup_level level;
    char why[PLAN_WHY_MAX]; /* empty for an incremental */
};

/* What has changed of a disk since a point, or a checkpoint, was made of it, so that an increment
 * could be of another disk.  False: nothing that is known. */
bool plan_is_another(const struct disk_origin *then, const struct plan_disk *now,
                     char why[PLAN_WHY_MAX]);

/* Levels of the disks of one backup.
 * base: the last good point of this domain and policy; NULL: none.  base_missing: a reason why that
 * point cannot be stood on (its files are gone, say), or NULL.  current: base's checkpoint is the
 * one that the catalog holds as current.  ret: n entries.
 * Returns the level of the point: full when no disk is incremental; why: one sentence. */
enum backup_level plan_levels(enum backup_level asked, const char *asked_why,
                              const struct point *base, const char *base_missing, bool current,
                              const struct plan_disk *disks, size_t n, struct plan_disk_level *ret,
                              char why[PLAN_LEVELS_WHY_MAX]);

/* The backups since the last full under the policy, as the jobs tell: a merge makes a full of an
 * increment, and is none. */
struct plan_since_full {
    int incrementals;
    int64_t full_at; /* when it was made; of one that is not known any more, the oldest known backup
                        since then; 0: nothing is known */
};

/* Is a full due by itself, in place of an incremental?  why: a sentence. */
bool plan_full_after(const struct config_full_after *after, const struct plan_since_full *since,
                     int64_t now, char why[PLAN_WHY_MAX]);

#endif

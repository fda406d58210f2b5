/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  How restore points go, whoever has decided that: all repositories that have
 * points of the domain under the policy are looked at, so that nothing goes for the sake of a point
 * that nobody has seen; then, of each, the row becomes "deleting", its files go, or are merged into
 * those of the point that stands on it (storage/merge/merge.h), its row goes; then what is left at
 * the hypervisor is cleaned up.  A crash in between leaves a row that says so.
 */
#ifndef VMKEEP_JOBS_REMOVAL_H
#define VMKEEP_JOBS_REMOVAL_H

#include "jobs/hv_session.h"
#include "policies/letting_go.h"
#include "jobs/survey.h"

/* What each kind embeds first that removes points. */
struct removal_run {
    struct hv_run hv;
    struct letting_go_list doomed; /* in order: the kind's own to fill in */
    size_t next;                   /* of them */
    size_t gone;                   /* in all */
    size_t merged;                 /* of those, into others */
    uint64_t bytes_before;         /* moved by the merges that are done */
    struct point now;              /* what one was merged into, as it is then */
    char *way;                     /* to whom it gives way; NULL: to nobody */
    bool merging;                  /* a merge is under way */
    bool into_reserve;             /* merges may take of what the repository is to leave free */
    struct survey_look look;
    struct strlist tried, looked; /* repositories: surveyed or not, surveyed well */
    struct repo *surveyed;        /* the one at work */
    struct point was, into_was;   /* the one that is being removed, and what it is merged into,
                                   * before */
};

static inline struct removal_run *removal_of(const struct job_run *r)
{
    return (struct removal_run *)r;
}

void removal_done(struct job_run *r);

/* One repository after another. */
struct op *removal_survey_start(struct job_run *r, struct err *err);
bool removal_surveyed(struct job_run *r); /* false: r->err, which is of the job's own repository */
bool removal_surveys_more(const struct job_run *r);

/* One point after another. */
struct op *removal_start(struct job_run *r, struct err *err);
bool removal_removed(struct job_run *r); /* false: r->err, also when it was cancelled in between */
/* Not done, and nothing was touched: somebody reads from it, or has pinned it, or there is no room
 * to merge it.  r->err says so. */
bool removal_is_held(const struct job_run *r);
bool removal_is_over(const struct job_run *r);
size_t removal_all(const struct job_run *r); /* those that have gone, and those that are to */
/* All is to be looked at, and judged, again. */
void removal_anew(struct job_run *r);

/* To whom it gives way: "job 12", a backup of the domain that waits for this one, between two
 * points, or at the beginning of a merge; "somebody who reads", at any time (job_type.yields).  A
 * merge that is begun is stopped for that, and the job ends; what is left is gone on with by
 * another, later.  NULL: to nobody.  removal_look_around: also while it waits. */
const char *removal_gives_way_to(const struct job_run *r);
void removal_look_around(struct job_run *r);
void removal_give_way(struct job_run *r, char *way); /* taken over */
void removal_yields(struct job_run *r);
/* Somebody has asked for the end: then that is r->err. */
bool removal_is_canceled(struct job_run *r);

/* What no chain needs any more goes at the hypervisor: hv_clean_start and hv_cleaned follow.  That
 * the domain cannot be asked now is no failure: its next backup cleans up. */
struct op *removal_look_start(struct job_run *r, struct err *err);
bool removal_looked(struct job_run *r); /* false: nothing can be cleaned up now */

#endif

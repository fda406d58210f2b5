/* SPDX-License-Identifier: MIT
 *
 * core: what the files of scheduler/ share: the scheduler's struct, and what is in it.
 *
 * Each file has a header of its own, and calls go one way: a file calls those above it in this
 * list.  What it has to tell one further down, it tells by struct scheduler_told.
 *
 *   settling.c      has everything that answers been looked at?
 *   places.c        what belongs to somebody: nothing may be written there
 *   unfinished.c    what was being let go of when the daemon stopped
 *   clock_watch.c   whether the wall clock is to be believed
 *   lacks.c         what the catalog was found not to know
 *   resources.c     hosts and repositories made from the configuration
 *   copies.c        a copy of the catalog in each repository
 *   queue.c         jobs waiting and running, their places, their ends
 *   numbers.c       no job's number is given twice
 *   compare.c       does the catalog know what the repositories have?
 *   watch.c         what was last seen of domains and repositories
 *   coverage.c      which policy covers which domain, and what is due
 *   verifying.c     when points are read again
 *   targets.c       what a request names
 *   copying.c       when points are copied into second repositories
 *   hosts.c         hosts that tell their domains late, or have others than before
 *   admit.c         which of the waiting jobs may start, and what is in the way of the others
 *   recover.c       settling open jobs at start
 *   serve.c         what jobs are given: struct job_env_ops
 *   doctor.c        a fresh look at everything; its parts: doctor_domain.c, doctor_repository.c
 *   live.c          how jobs are just now
 *   scheduler.c     life, reload, requests, the alarms
 */
#ifndef VMKEEP_SCHEDULER_CORE_H
#define VMKEEP_SCHEDULER_CORE_H

#include "base/observers.h"
#include "jobs/env.h"
#include "jobs/job.h"
#include "jobs/survey.h"
#include "policies/plan.h"
#include "scheduler/outside.h"

/* What is seen of a repository. */
struct repo_watch {
    struct op *probing, *surveying;
    struct survey_look look;
    bool again; /* one was asked for while that went on, which may not have seen why */
    struct store_space space;
    bool away;        /* the last look has failed */
    int64_t room_day; /* since the epoch, of which the room was recorded; 0: of none yet */
    /* compare.c */
    struct op *examining;
    struct unknown unknown, examined; /* as found; being found */
    char *unexamined; /* why the last look at whose they are failed; NULL: it did not */
    size_t n_missing; /* points that the catalog knows and that are not there */
    char *difference; /* what was said of them; NULL: nothing */
    /* copies.c */
    uint64_t copied; /* the changes that the copy there has, or that were tried */
    bool copy_failed;
    struct op *keeping;
};

/* What is known of a host's domains, see hosts.c. */
struct host_watch {
    struct alarm alarm;   /* it is waited for no longer */
    struct strlist names; /* as it has told them last */
    int64_t since;        /* elapsed time when it was asked for them */
};

/* A domain under a policy. */
struct cover {
    char *host, *domain, *policy;
    bool has_next;
    struct plan_due next;
    struct job_run *job; /* its queued or running backup */
    int64_t not_before;  /* after trouble with the catalog: leave it alone until then */
    int64_t distance;    /* plan_shortest_distance of the policy */
    int64_t made;        /* uptime when its last run was made, in this life; -1: none was */
};

/* The files of a domain, when it was last looked at. */
struct known_disk {
    char *name, *image;
    bool raw;
};
struct known_files {
    char *host, *domain;
    VEC(struct known_disk) disks;
    struct strlist others; /* what is below them too */
};

/* One look at a domain or repository that is under way, or waits to be. */
struct look {
    struct scheduler *s;
    struct host *host;
    char *domain;
    struct op *op;
    struct domain_facts *facts;
    bool again;
};

struct doctor;

/* A copy of the catalog that is being made, or brought to repositories. */
struct copies {
    struct alarm alarm;
    struct catalog_copy *going;
    char *path;
    uint64_t changes; /* that it has */
    size_t waiting;   /* repositories that it is on its way to */
    int64_t began_ms, took_ms;
    int64_t brought; /* the last job of which one of them speaks */
};

/* What a file tells those further down; scheduler.c says who hears it. */
struct scheduler_told {
    void (*ended)(struct job_run *r); /* it is over, and goes right after this */
    void (*clock_was_set)(struct scheduler *s);
    void (*event)(void *host, const struct hv_event *event);
    void (*host_made)(struct host *h);
};

struct scheduler {
    struct job_env jobs; /* the first member, see scheduler_of */
    struct scheduler_env env;
    struct scheduler_told told;
    struct config *config;
    int64_t started;   /* uptime */
    int64_t began;     /* the same by the wall clock, when that was set last */
    int64_t first_job; /* the first number that this life has given, or will */
    VEC(struct cover) covers;
    VEC(struct look *) looks;
    VEC(struct doctor *) doctors; /* that have not come to an end */
    VEC(struct known_files) known;
    VEC(struct live *) lives; /* questions that are not answered yet */
    struct alarm due;         /* the next due time of all covers */
    struct alarm verify;      /* the next time at which points are read again */
    struct alarm copying;     /* the next time at which points are copied */
    struct alarm away;        /* repositories that are away are looked for again */
    double away_pause;        /* after so many seconds */
    struct alarm kick;        /* look at the queue on the next turn */
    struct {
        struct alarm when_set;
        int64_t wall, uptime; /* at the last look */
        int64_t ahead_ms;     /* the one less the other, more exactly */
        int64_t believed;     /* what it showed when it was believed last; 0: not known */
        int64_t saved;        /* uptime, when that was written down */
        int64_t held_since;   /* it went ahead then, and nothing is let go; 0: it did not */
        bool unset;
        char why[ERR_MSG_MAX]; /* it is held */
    } clock;
    struct alarm housekeeping; /* once an hour: old job rows go, due times are looked at again */
    struct alarm expire;       /* the next of these rows, */
    struct job_expiry expired; /* behind those */
    struct alarm settle;       /* what has not answered by then is not waited for */
    bool settled;              /* no new job before that: its number could be one that was given */
    bool left_noted;           /* see release.c */
    struct copies copies;
    int64_t behind; /* the catalog lacks jobs up to that number; 0: it does not */
    void (*idle)(void *ctx);
    void *idle_ctx;
    struct observers listeners;
};

static inline struct scheduler *scheduler_of(struct job_env *e)
{
    return (struct scheduler *)e;
}

static inline int64_t sched_uptime(const struct scheduler *s)
{
    return s->env.clock->ops->uptime(s->env.clock);
}

/* The queue is looked at on the next turn. */
static inline void sched_kick(struct scheduler *s)
{
    if (!s->kick.armed)
        s->env.clock->ops->after(s->env.clock, &s->kick, 0);
}

#endif

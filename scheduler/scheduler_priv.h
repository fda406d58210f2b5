/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/: its objects, and how its files call one another.
 *
 *   scheduler.c     life, reload, requests, the alarm
 *   coverage.c      which policy covers which domain, and what is due
 *   resources.c     hosts and repositories made from the configuration
 *   queue.c         jobs waiting and running, limits, ends
 *   serve.c         what jobs are given: struct job_env_ops
 *   doctor.c        a fresh look at everything
 *   places.c        what belongs to somebody: nothing may be written there
 *   recover.c       settling open jobs at start
 *   clock_watch.c   whether the wall clock is to be believed
 *   watch.c         what was last seen of domains and repositories
 *   compare.c       does the catalog know what they have?
 *   copies.c        a copy of the catalog in each repository
 */
#ifndef VMKEEP_SCHEDULER_PRIV_H
#define VMKEEP_SCHEDULER_PRIV_H

#include "jobs/env.h"
#include "jobs/job.h"
#include "jobs/survey.h"
#include "policies/plan.h"
#include "scheduler/scheduler.h"

/* What is seen of a repository. */
struct repo_watch {
    struct op *probing, *surveying;
    struct survey found;
    struct store_space space;
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

struct scheduler {
    struct job_env jobs; /* the first member, see scheduler_of */
    struct scheduler_env env;
    struct config *config;
    int64_t started;   /* uptime */
    int64_t first_job; /* the first number that this life has given, or will */
    VEC(struct cover) covers;
    VEC(struct look *) looks;
    VEC(struct known_files) known;
    struct alarm due;  /* the next due time of all covers */
    struct alarm kick; /* look at the queue on the next turn */
    struct {
        struct alarm when_set;
        int64_t wall, uptime; /* at the last look */
        int64_t believed;     /* what it showed when it was believed last; 0: not known */
        int64_t saved;        /* uptime, when that was written down */
        int64_t held_since;   /* it went ahead then, and nothing is let go; 0: it did not */
        bool unset;
        char why[ERR_MSG_MAX]; /* it is held */
    } clock;
    struct alarm housekeeping; /* once an hour: old job rows go, due times are looked at again */
    struct alarm settle;       /* what has not answered by then is not waited for */
    bool settled;              /* no new job before that: its number could be one that was given */
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

/* serve.c */
extern const struct job_env_ops scheduler_serves;

/* resources.c */
void host_unused(struct host *h);
void repo_unused(struct repo *r);
void resources_sync(struct scheduler *s); /* after s->config changed */
/* Stale hosts that nobody uses any more.  True: there were some, coverage has to follow. */
bool resources_replace_stale(struct scheduler *s);
/* Its first look tells which one it is; remembered from then on. */
void repo_saw_id(struct repo *r, const char *id);
void resources_free(struct scheduler *s);

/* coverage.c */
void coverage_sync(struct scheduler *s); /* after hosts or policies changed */
void coverage_refresh(struct scheduler *s,
                      struct cover *c); /* its next due time, from the catalog */
void coverage_refresh_all(struct scheduler *s);
struct cover *coverage_find(struct scheduler *s, const char *host, const char *domain,
                            const char *policy);
void coverage_skip(struct job_run *r);  /* ends a queued job that no policy wants any more */
void coverage_due(struct scheduler *s); /* queue what is due; re-arm the alarm */
void coverage_arm(struct scheduler *s);
void coverage_free(struct scheduler *s);

/* queue.c */
/* Writes the row and appends the job. */
int queue_add(struct scheduler *s, struct job *row, struct job_run **ret, struct err *err);
void queue_append(struct scheduler *s, struct job_run *r);
/* Runs at once, with a place at the host. */
void queue_begin(struct job_run *r, struct host *host);
/* Gives the job its place among the running ones: at the host (NULL: it has none), and in the
 * repositories that it claims, as far as they are there. */
void queue_take_place(struct job_run *r, struct host *host);
void queue_kick(struct scheduler *s);
void queue_admit(void *ctx);
void queue_notify(struct job_run *r);
/* The job is over: writes its end, tells the listener, frees it.  While the catalog cannot be
 * written (disk full, say) the job keeps its place and this is tried again. */
void queue_end(struct job_run *r, enum job_outcome outcome, const char *reason);
/* The same when its end is in the catalog already. */
void queue_ended(struct job_run *r, enum job_outcome outcome, const char *reason);
/* The same without a word, for a job that has no row. */
void queue_remove(struct job_run *r);

/* recover.c */
int recover(struct scheduler *s, struct err *err);
void recover_late(struct scheduler *s); /* once settled */

/* places.c */
void places_saw_domain(struct scheduler *s, const char *host, const char *domain,
                       const struct domain_facts *facts);
/* All that is somebody's, but for the places of that job. */
void places_list(struct scheduler *s, const struct job_run *except, struct owned_list *ret);
void places_free(struct scheduler *s);

/* clock_watch.c */
void clock_watch_start(struct scheduler *s);
void clock_watch_stop(struct scheduler *s);
/* For each step that the daemon makes: was the clock set?  Cheap when it was not. */
void clock_watch_look(struct scheduler *s);
/* Why nothing may be let go now, "the clock is not set", say; NULL: it may. */
const char *clock_watch_doubt(struct scheduler *s);

/* compare.c */
void compare_repo(struct repo *r, const struct survey *found);
void compare_saw_domain(struct scheduler *s, const char *domain, const struct domain_facts *facts);
/* Some repository has points of the domain that the catalog does not know, and should. */
bool compare_lacks(const struct scheduler *s, const char *host, const char *domain);
bool compare_lacks_any(const struct repo *r);
/* A bitmap of ours that no row names: may such a point need it? */
bool compare_may_serve(struct scheduler *s, const char *host, const char *domain,
                       const char *bitmap);

/* It answers: if it did not at the start, it is looked at now. */
void compare_newcomer(struct repo *r);
/* Looks again where something differed, or nothing could be looked at. */
void compare_again(struct scheduler *s);

/* copies.c */
void copies_consider(struct scheduler *s); /* after anything that may have changed points */
void copies_retry(struct scheduler *s);    /* where it failed */
bool copies_are_under_way(const struct scheduler *s);
void copies_step(void *ctx); /* the alarm; ctx: the scheduler */
void copies_free(struct scheduler *s);

/* watch.c */
void watch_all(struct scheduler *s);
void watch_repo(struct scheduler *s, struct repo *r);
void watch_probe(struct scheduler *s, struct repo *r); /* then the survey */
void watch_domain(struct scheduler *s, struct host *h, const char *domain);
void watch_saw_domain(struct scheduler *s, const char *host, const char *domain,
                      const struct domain_facts *facts);
/* space: what the look has found; borrowed. */
void watch_saw_repo(struct scheduler *s, struct repo *r, const struct store_space *space,
                    const struct err *problem);
void watch_on_event(void *ctx, const struct hv_event *event);
void watch_free(struct scheduler *s);

/* scheduler.c */
void settle_if_seen(struct scheduler *s); /* after the end of a look */

#endif

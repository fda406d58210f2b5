/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/: its objects, and how its files call one another.
 *
 *   scheduler.c     life, reload, requests, the alarm
 *   coverage.c      which policy covers which domain, and what is due
 *   resources.c     hosts and repositories made from the configuration
 *   queue.c         jobs waiting and running, limits, ends
 *   backup_job.c    a backup's state machine       backup_plan.c  its plan
 *   backup_disks.c  what it lacks and leaves out   backup_compare.c  what it is based on, held
 *                                                  against the disks
 *   backup_number.c was its number used before?
 *   prune_job.c     a prune's state machine
 *   api_*.c         the backup API by hand; see api_priv.h
 *   places.c        what belongs to somebody: nothing may be written there
 *   clean.c         what our former jobs left at a hypervisor
 *   survey.c        what a look at a repository says of its points
 *   recover.c       settling open jobs at start
 *   clock_watch.c   whether the wall clock is to be believed
 *   watch.c         what was last seen of domains and repositories
 *   compare.c       does the catalog know what they have?
 *   copies.c        a copy of the catalog in each repository
 */
#ifndef VMKEEP_SCHEDULER_PRIV_H
#define VMKEEP_SCHEDULER_PRIV_H

#include "base/proc.h"
#include "policies/plan.h"
#include "scheduler/api.h"
#include "scheduler/scheduler.h"
#include "storage/made.h"
#include "storage/places.h"
#include "storage/places_ask.h"

/* A host in use.  Whatever a reload does to it, the jobs that run go on with it. */
struct host {
    struct scheduler *s;
    char *name;
    char *definition;      /* what it was made from, to see whether a reload changed it */
    struct hypervisor *hv; /* NULL: no driver; problem says why */
    struct err problem;
    int jobs;  /* running ones */
    int users; /* jobs and looks that hold it */
    bool retired;
    bool stale; /* the configuration has changed it; replaced when it has no users */
};

struct repo {
    struct scheduler *s;
    char *name;
    char *path;
    uint64_t reserve;
    bool known;          /* points have been made there: an empty directory is no repository */
    struct store *store; /* its id is the one that the catalog remembers */
    int jobs, users;
    bool retired;
    struct op *probing, *surveying;
    struct survey found;
    struct store_space space;
    /* compare.c */
    bool compared;     /* once at least since we run */
    unsigned gave_way; /* backups in a row that have waited for that in vain */
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
    struct run *job;    /* its queued or running backup */
    int64_t not_before; /* after trouble with the catalog: leave it alone until then */
    int64_t distance;   /* plan_shortest_distance of the policy */
    int64_t made;       /* uptime when its last run was made, in this life; -1: none was */
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

/* What has to be cleaned at a hypervisor before a backup, one thing at a time. */
enum chore_kind { CHORE_ABORT_JOB, CHORE_FORGET_JOB, CHORE_DELETE_CHECKPOINT };
struct chore {
    enum chore_kind kind;
    char *name; /* tag or checkpoint */
};
struct chores {
    struct chore *items;
    size_t n, cap;
    size_t next;
};

/* Disks that are held against what they were; the strings that the questions borrow are here. */
struct compared {
    VEC(struct allocation) items;
    struct strlist strings; /* its items do not move */
};

struct backup_document;
struct job_type;
struct checkpoint_document;
struct errand;

/* A job that is queued or running. */
struct run {
    struct scheduler *s;
    struct job row;
    bool admitted;
    bool canceled; /* somebody asked for its end */
    bool ending;   /* over, but its end is not in the catalog yet */
    const struct job_type *type;
    int state;          /* of the type's */
    struct op *op;      /* exactly one outstanding while it waits ... */
    struct alarm alarm; /* ... or this */
    struct err op_err;  /* how the last op ended */
    struct err err;     /* the first error that counts */
    struct host *host;
    struct repo *repo;
    char tag[HV_TAG_MAX];

    /* a backup's */
    struct strlist disks; /* the policy's globs */
    enum backup_mode mode;
    enum quiesce quiesce;
    struct domain_facts *facts;
    struct store_space space;
    struct survey found; /* what is in the repository of the domain's points */
    bool has_base;
    struct point base;
    bool base_current; /* its checkpoint is the catalog's current one */
    char base_missing[ERR_MSG_MAX];
    struct chores chores;
    struct backup_begun begun;
    struct hv_job_stats stats;
    bool watched;    /* it was waited for its end, once at least */
    bool look_again; /* an event came while we were asking */
    char *scratch;   /* the directory of scratch spaces; NULL: none */
    uint64_t bandwidth;
    int unanswered; /* questions in a row */
    uint64_t last_done;
    int64_t numbering_since, progressed, progress_saved; /* elapsed time */
    struct point published;
    bool checkpoint_gone;    /* it was deleted, */
    bool checkpoint_unmade;  /* or never made: nothing at the hypervisor bears its name for us */
    bool resumed;            /* taken over from a former life */
    enum point_made reached; /* of the plan, in the repository: what an undo may remove */

    /* a backup's of either kind */
    struct compared compared;
    bool has_begun;   /* the hypervisor has taken the job on, as far as we know */
    int64_t began_ms; /* elapsed time when it did; 0: in a former life */

    /* of one that was begun by hand */
    struct backup_document *document;
    struct checkpoint_document *checkpoint_document; /* NULL: none was asked for */
    struct api_reply reply;                          /* not yet given */
    bool cleaned;
    char *own_scratch; /* its directory in scratch */
    struct made_list made;
    struct made_list placed; /* what was made just now */

    /* a prune's */
    struct strlist doomed;        /* point ids, dependents first */
    struct strlist tried, looked; /* repositories: surveyed or not, surveyed well */
    struct repo *surveyed;        /* the one at work */
    const char *skipped;          /* why it does not even begin; NULL: it does */
    const char *doubt;            /* why nothing was let go; NULL: no reason */
    size_t doomed_next;
    struct point doomed_was; /* the one that is being removed, before */
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
    struct scheduler_env env;
    struct config *config;
    int64_t started;          /* uptime */
    int64_t first_job;        /* the first number that this life has given, or will */
    VEC(struct host *) hosts; /* retired ones too */
    VEC(struct repo *) repos;
    VEC(struct cover) covers;
    VEC(struct run *) runs; /* queued and running, oldest first */
    VEC(struct look *) looks;
    VEC(struct errand *) errands;
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
    bool draining;
    bool dead; /* being freed: what still completes counts no more */
    void (*idle)(void *ctx);
    void *idle_ctx;
    struct observers listeners;
};

static inline int64_t sched_now(const struct scheduler *s)
{
    return s->env.clock->ops->now(s->env.clock);
}

/* For how long something goes on: the wall clock may be set meanwhile. */
static inline int64_t sched_elapsed(const struct scheduler *s)
{
    return s->env.clock->ops->elapsed(s->env.clock);
}

static inline int64_t sched_elapsed_ms(const struct scheduler *s)
{
    return s->env.clock->ops->elapsed_ms(s->env.clock);
}

static inline int64_t sched_uptime(const struct scheduler *s)
{
    return s->env.clock->ops->uptime(s->env.clock);
}

/* resources.c */
void resources_sync(struct scheduler *s); /* after s->config changed */
/* Stale hosts that nobody uses any more.  True: there were some, coverage has to follow. */
bool resources_replace_stale(struct scheduler *s);
struct host *host_find(struct scheduler *s, const char *name);
struct repo *repo_find(struct scheduler *s, const char *name);
void host_hold(struct host *h);
void host_release(struct host *h); /* may free it */
void repo_hold(struct repo *r);
void repo_release(struct repo *r);
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
void coverage_skip(struct run *r);      /* ends a queued job that no policy wants any more */
void coverage_due(struct scheduler *s); /* queue what is due; re-arm the alarm */
void coverage_arm(struct scheduler *s);
void coverage_free(struct scheduler *s);

/* queue.c */
struct run *run_new(struct scheduler *s, const struct job *row);
void run_free(struct run *r);
/* Writes the row and appends the job. */
int queue_add(struct scheduler *s, struct job *row, struct run **ret, struct err *err);
void queue_append(struct scheduler *s, struct run *r);
/* Gives the job its place among the running ones; host and repo may be NULL. */
void queue_take_place(struct run *r, struct host *host, struct repo *repo);
void queue_kick(struct scheduler *s);
void queue_admit(void *ctx);
void queue_notify(struct run *r);
/* The job is over: writes its end, tells the listener, frees it.  While the catalog cannot be
 * written (disk full, say) the job keeps its place and this is tried again. */
void queue_end(struct run *r, enum job_outcome outcome, const char *reason);
/* The same when its end is in the catalog already. */
void queue_ended(struct run *r, enum job_outcome outcome, const char *reason);
/* The same without a word, for a job that has no row. */
void queue_remove(struct run *r);
/* The running job of the domain; NULL: none. */
struct run *run_of_domain(const struct scheduler *s, const char *host, const char *domain);
struct run *run_find(const struct scheduler *s, int64_t id);
void run_cancel(struct run *r);
void run_name(struct run *r); /* makes its tag of its number */
/* NULL with *err when the host is gone from the configuration, or has no driver: only a job that a
 * former life left open can meet that. */
struct hypervisor *run_hypervisor(const struct run *r, struct err *err);
int64_t run_elapsed_ms(const struct run *r);
/* What the hypervisor says, into the row; HVJOB_NONE says nothing. */
void run_take_stats(struct run *r, const struct hv_job_stats *stats);
void run_save_progress(struct run *r); /* what its row says, into the catalog */
/* The document of a scheduled backup, and the disks of its checkpoint, into the catalog. */
void run_save_request(struct run *r, const struct backup_request *request);
bool domain_is_busy(const struct scheduler *s, const struct run *except, const char *host,
                    const char *domain);

/* job.c.  Completion of every op of a job: result into r->op_err, then the next step. */
void job_on_op(void *ctx, const struct err *err);
void job_on_alarm(void *ctx); /* the same, for what was waited for */
void job_wait(struct run *r, double seconds);
void job_look_again(struct run *r); /* an event came: whatever it waits for, it asks soon */

/* backup_compare.c */
struct allocation *compared_add(struct compared *c);
/* Takes over text, and lends it until compared_done. */
const char *compared_own(struct compared *c, char *text);
/* Why the disk does not fit; NULL: it does, or was not asked about. */
const char *compared_contradiction(const struct compared *c, const char *disk);
/* Asks; NULL without *err: there is nothing to ask. */
struct op *compared_start(struct run *r, struct err *err);
void compared_log(const struct run *r);
void compared_done(struct compared *c);

/* backup_job.c, prune_job.c */
void backup_job_progress(void *ctx, uint64_t done, uint64_t total); /* of a pull's copy */
/* Judges all points of (host, domain) under the policy: stores the reasons, and lists the ids of
 * those in the repository that can go, dependents first. looked: the repositories whose points were
 * seen in this run; NULL: judge by what is known, to see whether a prune is worth it. */
int prune_judge(struct scheduler *s, const char *host, const char *domain, const char *policy,
                const char *repository, const struct strlist *looked, struct strlist *doomed,
                struct err *err);
int prune_queue(struct scheduler *s, const char *host, const char *domain, const char *policy,
                const char *repository, const char *why, struct run **ret, struct err *err);

/* api_job.c */

/* api_errand.c */
bool errand_on_domain(const struct scheduler *s, const char *host, const char *domain);
void errands_free(struct scheduler *s);

/* backup_plan.c */
/* Lists the disks that are to be compared before the plan is made. */
void backup_plan_compare(struct run *r);
int backup_plan_make(struct run *r, struct err *err);
int backup_plan_load_base(struct run *r, struct err *err);
struct op *backup_plan_begin(struct run *r, struct err *err);
struct op *backup_plan_pull(struct run *r, struct err *err); /* copies what begin has exported */
struct store_scratch backup_plan_scratch(const struct run *r);

/* backup_disks.c: what the planned point lacks of what was there, and what it leaves out. disks:
 * those that it has. */
int backup_disks_absent(struct run *r, const struct disk_facts *const *disks, size_t n,
                        struct err *err);
/* Appends it to the outcome's reason. */
void backup_disks_tell(const struct run *r, const struct point *p, char reason[ERR_MSG_MAX]);

/* survey.c */
/* Looks at the repository's points, of one domain or (host, domain NULL) all of them. */
struct op *survey_start(struct scheduler *s, struct repo *r, const char *host, const char *domain,
                        struct survey *ret, op_done done, void *ctx, struct err *err);
/* On a disk that was here and is away; another one has its place. */
bool survey_is_elsewhere(const struct repo *r, const struct point *p);
/* What was found, into the states of the points of the same scope. */
int survey_record(struct scheduler *s, const struct repo *r, const char *host, const char *domain,
                  const struct survey *found, struct err *err);

/* clean.c */
int chores_find(struct run *r, struct err *err);
struct op *chores_start(struct run *r, struct err *err); /* NULL and ERR_NONE: nothing left */
void chores_after(struct run *r);                        /* the last one has ended */
void chores_done(struct chores *c);

/* recover.c */
int recover(struct scheduler *s, struct err *err);
void recover_late(struct scheduler *s); /* once settled */

/* places.c */
void places_saw_domain(struct scheduler *s, const char *host, const char *domain,
                       const struct domain_facts *facts);
/* All that is somebody's, but for the places of that job. */
void places_list(struct scheduler *s, const struct run *except, struct owned_list *ret);
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
int scheduler_refuse_draining(const struct scheduler *s, struct err *err);
/* Logs what went wrong with the catalog where nothing better can be done. */
void catalog_trouble(struct scheduler *s, const char *what, const struct err *err);

#endif

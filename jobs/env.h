/* SPDX-License-Identifier: MIT
 *
 * env: the world as jobs see it.  What is in use (hosts, repositories), what else is at work, and
 * what whoever runs them does for them.  Jobs know nothing of who that is.
 */
#ifndef VMKEEP_JOBS_ENV_H
#define VMKEEP_JOBS_ENV_H

#include "base/clock.h"
#include "engine/hypervisor.h"
#include "jobs/trouble.h"
#include "policies/config.h"
#include "storage/catalog/catalog.h"
#include "storage/store/store.h"

struct ev_loop;
struct job_env;
struct job_run;
struct owned_list;
struct repo_watch;
struct pinning;
struct request;

struct host_watch;

/* A host in use.  Whatever a reload does to it, the jobs that run go on with it. */
struct host {
    struct job_env *env;
    char *name;
    char *definition;      /* what it was made from, to see whether a reload changed it */
    struct hypervisor *hv; /* NULL: no driver; problem says why */
    struct err problem;
    int jobs;                 /* running ones */
    int users;                /* jobs and looks that hold it */
    bool known;               /* it has told its domains */
    bool late;                /* it has not, and is waited for no longer: what it is asked fails */
    struct host_watch *watch; /* its owner's */
    bool retired;
    bool stale; /* the configuration has changed it; replaced when it has no users */
};

struct repo {
    struct job_env *env;
    char *name;
    char *path;
    uint64_t reserve;
    enum image_compression compress; /* of new images */
    char *secret, *key;       /* what they are encrypted with: its name, its file; NULL: nothing */
    bool known;               /* points have been made there: an empty directory is no repository */
    bool compared;            /* whether it has points that the catalog lacks was found out */
    unsigned gave_way;        /* backups in a row that have waited for that in vain */
    struct store *store;      /* its id is the one that the catalog remembers */
    struct repo_watch *watch; /* what is seen there; its owner's */
    int jobs, users;
    bool retired;
};

/* What is done for jobs. */
struct job_env_ops {
    /* Writes the row, and the job waits for its turn. */
    int (*add)(struct job_env *e, struct job *row, struct job_run **ret, struct err *err);
    /* The same, but the job has its place, at the host too: job_proceed begins it. */
    int (*begin)(struct job_env *e, struct job *row, struct host *host, struct job_run **ret,
                 struct err *err);
    void (*changed)(struct job_run *r); /* its row, or how far it is */
    /* The job is over: writes its end, tells the listeners, frees it.  While the catalog cannot be
     * written (disk full, say) the job keeps its place and this is tried again. */
    void (*end)(struct job_run *r, enum job_outcome outcome, const char *reason);
    /* The same when its end is in the catalog already. */
    void (*ended)(struct job_run *r, enum job_outcome outcome, const char *reason);
    /* The same without a word, for a queued job that has done nothing: its row goes. */
    void (*refused)(struct job_run *r);
    /* Of a job that has done nothing so far: its place is others', and it waits for its turn again,
     * from its first state on, but not before so many seconds. */
    void (*rest)(struct job_run *r, double seconds);
    void (*left)(struct job_env *e); /* something let go of a domain: others may begin */

    void (*host_unused)(struct host *h); /* by anybody; it may be freed */
    void (*repo_unused)(struct repo *r);

    void (*saw_domain)(struct job_env *e, const char *host, const char *domain,
                       const struct domain_facts *facts);
    /* space: what the look has found; borrowed. */
    void (*saw_repo)(struct repo *r, const struct store_space *space, const struct err *problem);
    /* It answers: if it could not be compared so far, it is now. */
    void (*answers)(struct repo *r);
    /* Points there are gone that the catalog missed: what differs still is found by a new look. */
    void (*look_again)(struct repo *r);
    /* Some repository has points of the domain that the catalog does not know, and should. */
    bool (*lacks)(struct job_env *e, const char *host, const char *domain);
    /* A bitmap of ours that no row names: may such a point need it? */
    bool (*may_serve)(struct job_env *e, const char *host, const char *domain, const char *bitmap);
    /* All that is somebody's, but for the places of that job. */
    void (*owned)(struct job_env *e, const struct job_run *except, struct owned_list *ret);
    /* Such a policy wants such a domain, whether or not its host has it just now. */
    bool (*covers)(struct job_env *e, const char *host, const char *domain, const char *policy);
    /* Why nothing may be let go now, "the clock is not set", say; NULL: it may. */
    const char *(*doubt)(struct job_env *e);
};

struct job_env {
    const struct job_env_ops *ops;
    struct clock *clock;
    struct catalog *catalog;
    const struct zone *zone; /* of retention periods */
    struct ev_loop *loop;    /* where children look at files by hand; NULL: there are none */
    const struct config *config;
    VEC(struct host *) hosts; /* retired ones too */
    VEC(struct repo *) repos;
    VEC(struct job_run *) runs; /* queued and running, oldest first */
    VEC(struct request *) requests;
    VEC(struct pinning *) pins; /* that are being changed */
    struct trouble trouble;
    bool draining; /* nothing new begins */
    bool dead;     /* being freed: what still completes counts no more */
};

static inline int64_t env_now(const struct job_env *e)
{
    return e->clock->ops->now(e->clock);
}

/* For how long something goes on: the wall clock may be set meanwhile. */
static inline int64_t env_elapsed(const struct job_env *e)
{
    return e->clock->ops->elapsed(e->clock);
}

static inline int64_t env_elapsed_ms(const struct job_env *e)
{
    return e->clock->ops->elapsed_ms(e->clock);
}

struct host *host_find(struct job_env *e, const char *name);
/* Its domains are not known yet: nothing begins there, and nothing is concluded. */
bool host_is_awaited(const struct host *h);
/* What is known of its domains; true: all of them.  NULL: its host, or its driver, is not there. */
bool host_domains(const struct host *h, struct strlist *ret, struct err *why);
struct repo *repo_find(struct job_env *e, const char *name);
void host_hold(struct host *h);
void host_release(struct host *h); /* may free it */
void repo_hold(struct repo *r);
void repo_release(struct repo *r);

/* The host and domain that are meant. *ret_domain: caller frees. */
int env_find_domain(struct job_env *e, const char *text, struct host **ret_host, char **ret_domain,
                    struct err *err);
/* Has a domain that text means ever had a point, or a job?  One that left the configuration has:
 * then no other one is meant by its name. */
bool env_remembers(struct job_env *e, const char *text);
int env_refuse_draining(const struct job_env *e, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * catalog: what was planned, done and kept, in SQLite.
 *
 * One writer, the daemon, holds a lock for as long as it lives; readers open read-only and see the
 * last commit.  Every function is synchronous and small; each write is one transaction that is on
 * disk when the function returns (synchronous=FULL).  Times are seconds, UTC.
 *
 * Readers that return a list leave it empty when they fail.  Any call may fail with ERR_NOSPACE,
 * ERR_IO, ERR_CORRUPT; a write that fails has changed nothing, and may be tried again.
 */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"

struct catalog;

enum catalog_access { CATALOG_WRITE, CATALOG_READ };

/* CATALOG_WRITE creates the file and its directory, and brings an older schema up to date;
 * ERR_BUSY "another vmkeepd (pid N) keeps it" when it is locked.  CATALOG_READ: ERR_NOTFOUND
 * when there is none yet.  Both: ERR_CORRUPT for a damaged one or a file that is no catalog,
 * ERR_UNSUPPORTED for one of a newer version ("catalog has schema 99, this program knows up to
 * 3"). */
int catalog_open(const char *path, enum catalog_access access, struct catalog **ret,
                 struct err *err);
void catalog_close(struct catalog *c);

/* Does somebody keep the catalog at path, which need not be there?  Not if it is ours, c's. */
int catalog_is_kept(const struct catalog *c, const char *path, bool *ret, struct err *err);

/* Eight hexadecimal digits drawn when the catalog was made: part of every name at a hypervisor, so
 * that two catalogs never take one another's checkpoints for their own. */
const char *catalog_id(const struct catalog *c);

/* ---- the file itself ---- */

/* Can it be written again, after a write failed for want of space or the like?  Tries one; where
 * none has failed, nothing is done. */
int catalog_try(struct catalog *c, int64_t now, struct err *err);
/* For how many seconds that has not been so; 0 where it is. */
int64_t catalog_failing_for(const struct catalog *c);

/* Reads all of it. ERR_CORRUPT: it is damaged; else as CATALOG_READ. */
int catalog_check(const char *path, struct err *err);

/* Where it lies. */
const char *catalog_path(const struct catalog *c);
/* Goes up with each change of points; not 0. */
uint64_t catalog_changes(const struct catalog *c);

enum catalog_event {
    CATALOG_WRITTEN_BACK, /* somebody deleted it; it is there again, with all that it held */
    CATALOG_LOST,    /* another file, or another daemon, is in its place: each write fails now */
    CATALOG_DAMAGED, /* SQLite finds it damaged */
};

/* Told once, from within the call that found it; text: one sentence, borrowed. */
typedef void (*catalog_event_fn)(void *ctx, enum catalog_event event, const char *text);
void catalog_listen(struct catalog *c, catalog_event_fn fn, void *ctx);

/* Looks whether the file still lies under its name, as each write does before it begins, and its
 * lock: one that was deleted is written back.  ERR_CORRUPT: it is lost. */
int catalog_keep_place(struct catalog *c, struct err *err);

/* The number of a job that this catalog has given, as somebody else remembers it (the name of a
 * bitmap, a point): later ones are above it.  *ret_raised: it was not known. */
#define CATALOG_JOB_MAX (INT64_C(1) << 53)
int catalog_raise_job(struct catalog *c, int64_t seen, bool *ret_raised, struct err *err);

/* It was given twice: by a later state of this catalog, which is not known any more, and by us. */
int catalog_note_behind(struct catalog *c, int64_t seen, struct err *err);

/* Such a number was above those of the catalog: it lacks jobs up to *ret, and a copy of it in a
 * repository may know them.  Kept in the catalog until that is rebuilt.  *ret 0: it is not. */
int catalog_behind(struct catalog *c, int64_t *ret, struct err *err);

/* A copy of the whole catalog into a file of its own that needs nothing beside it, made in steps of
 * so many pages (4 KiB each; -1: all).  It is complete, and on disk, when *ret_done says so; a copy
 * that is freed before that leaves no file.  One at a time. */
struct catalog_copy;
int catalog_copy_start(struct catalog *c, const char *path, struct catalog_copy **ret,
                       struct err *err);
int catalog_copy_step(struct catalog_copy *copy, int pages, bool *ret_done, struct err *err);
void catalog_copy_free(struct catalog_copy *copy);

/* ---- jobs ---- */

struct job {
    int64_t id;
    const char *kind; /* a word of jobs/job_types.h */
    bool guest;       /* it makes a backup of the guest, of which one runs at a time */
    char *host, *domain, *policy, *repository;
    enum backup_level level; /* asked for, then decided */
    enum job_state state;
    char *step; /* the state of its state machine; the journal */
    enum job_outcome outcome;
    enum err_code error;             /* of a failed one; ERR_NONE else */
    char *reason;                    /* outcome, one sentence; NULL before the end */
    char *why;                       /* why it runs, and at this level; one sentence */
    int64_t due;                     /* when it was to run; 0: asked for by hand */
    int64_t created, started, ended; /* 0: not yet */
    int64_t uptime;                  /* when it was made; for catalog_job_add only, as boot is */
    const char *boot;                /* borrowed */
    uint64_t bytes_done, bytes_total;
    uint64_t temp_used, temp_total; /* scratch space; 0, 0: there was none */
    int64_t elapsed_ms;             /* since it began; 0: not known */
    char *document;                 /* of a backup that has begun: its XML, complete; else NULL */
    bool publishing;     /* it has come as far as publishing its point, whatever its step is now */
    bool reuse_external; /* backup-begin: its files were there before, and are not ours to remove */
    bool force;          /* a deletion: the last good point may go, too */
    int sample;          /* a verification: so many percent of each point; 0: as its policy says */
    const struct strlist *points; /* what it is about; for catalog_job_add only, borrowed */
    /* What a backup will make: decided when it begins, committed before anything is touched.
     * plan.id NULL before that. plan.checkpoint: the provisional checkpoint. For each disk name,
     * path, format, backing, capacity.  A backup begun by hand makes no point: it has mode and
     * checkpoint only. */
    struct point plan;
};

struct job_list {
    struct job *items;
    size_t n, cap;
};

void job_done(struct job *j);
void job_list_done(struct job_list *l);

/* Adds j (kind, guest, host, domain, policy, repository, level, state, outcome, reason, why, due,
 * created, ended, uptime, boot, force, sample, points) and sets j->id. For queued jobs, and for
 * skipped ones that end at once. */
int catalog_job_add(struct catalog *c, struct job *j, struct err *err);

/* The ids of the points that a deletion is about, in order. */
int catalog_job_points(struct catalog *c, int64_t id, struct strlist *ret, struct err *err);

/* The queued job starts: state running, with its level, why and plan (may be NULL for a prune), and
 * the plan's checkpoint as provisional.  ERR_BUSY: another backup of the domain is running. */
int catalog_job_start(struct catalog *c, int64_t id, int64_t now, enum backup_level level,
                      const char *why, const struct point *plan, struct err *err);

/* The journal: written before the work of the step begins. */
int catalog_job_step(struct catalog *c, int64_t id, const char *step, struct err *err);

/* Of a running job j: bytes_done, bytes_total, temp_used, temp_total, elapsed_ms. */
int catalog_job_progress(struct catalog *c, const struct job *j, struct err *err);

/* What the running job asked the hypervisor for. */
int catalog_job_document(struct catalog *c, int64_t id, const char *document, struct err *err);

struct checkpoint;

/* The queued backup by hand begins: state running, and its new checkpoint (or NULL) as provisional,
 * in one transaction.  Of j: id, level, step, started, document, reuse_external, plan.mode.
 * ERR_BUSY as with catalog_job_start; ERR_EXISTS: the domain has a checkpoint of that name. */
int catalog_job_begin(struct catalog *c, const struct job *j, const struct checkpoint *checkpoint,
                      struct err *err);

/* A queued job that has done nothing goes, as if it had never been; its number is not given again.
 * ERR_INVALID: it is not queued. */
int catalog_job_remove(struct catalog *c, int64_t id, struct err *err);

/* The end without a point. The plan's checkpoint, if one is recorded and still provisional,
 * becomes "dropping"; but "kept" at the good end of a backup begun by hand.  ERR_INVALID: it has
 * ended already. */
int catalog_job_end(struct catalog *c, int64_t id, int64_t now, enum job_outcome outcome,
                    enum err_code code, const char *reason, struct err *err);

/* The end of a backup that has made its point, in one transaction: the point with its disks, its
 * checkpoint current, the former current one of the same (host, domain, policy) dropping (also when
 * the point has none), the job a success; code not ERR_NONE: it failed for all that, for the point
 * is no good one.  A checkpoint that is no more provisional does not become current. */
int catalog_publish(struct catalog *c, int64_t job, int64_t now, const struct point *p,
                    enum err_code code, const char *reason, struct err *err);

#define JOB_EXPIRY_ROWS 5 /* at one time: each is in many pages, which may have to be read */
struct job_expiry {
    int64_t ended, id;
};

/* Rows of jobs that ended before that time go: the next ones behind *from, which is zero at first
 * and moves on.  1: there are more; 0: there are none.  Of each (host, domain, policy) the last
 * scheduled backup, and the last job of each kind that was asked for by hand, stay. */
int catalog_job_expire(struct catalog *c, int64_t before, struct job_expiry *from, struct err *err);

struct job_filter {
    const char *host, *domain, *policy; /* NULL: any */
    bool active;                        /* not ended only */
    int64_t id;                         /* 0: any */
    int limit;                          /* the newest so many; 0: all */
};

/* Each in turn, oldest first, with no list of them in memory.  Who keeps it empties it. */
typedef void catalog_on_job(void *arg, struct job *j);
int catalog_jobs_each(struct catalog *c, const struct job_filter *f, catalog_on_job *each,
                      void *arg, struct err *err);
/* Oldest first. */
int catalog_jobs(struct catalog *c, const struct job_filter *f, struct job_list *ret,
                 struct err *err);

/* The number that the next new job will get. */
int catalog_next_job(struct catalog *c, int64_t *ret, struct err *err);

/* How the backup that was made last under the policy, and has ended, ended.  id 0: there is none.
 * Caller frees reason. */
struct job_end {
    int64_t id, started, ended;
    enum job_outcome outcome;
    char *reason;
};
int catalog_last_backup(struct catalog *c, const char *host, const char *domain, const char *policy,
                        struct job_end *ret, struct err *err);
/* The same of the last job of that kind which was not skipped. */
int catalog_last_of_kind(struct catalog *c, const char *host, const char *domain,
                         const char *policy, const char *kind, struct job_end *ret,
                         struct err *err);

/* The last backup of the domain that had begun and has ended, of whichever kind. */
int catalog_last_ended(struct catalog *c, const char *host, const char *domain, struct job *ret,
                       bool *ret_found, struct err *err);

/* What is read between them is of one instant, whoever writes meanwhile, and comes faster.  Nothing
 * may be written between them.  The end is due when the begin succeeded. */
int catalog_instant_begin(struct catalog *c, struct err *err);
void catalog_instant_end(struct catalog *c);

/* ---- restore points ---- */

struct point_filter {
    const char *host, *domain, *policy, *repository; /* NULL: any */
    bool copies; /* copies in second repositories, too; of one repository all that lies there is
                  * meant anyhow */
};

/* By domain, then oldest first. */
int catalog_points(struct catalog *c, const struct point_filter *f, struct point_list *ret,
                   struct err *err);

/* Of one domain, oldest first, with no more than created, job, policy, state and catalog: what
 * dates are judged by, of many domains in little time. */
int catalog_points_sketch(struct catalog *c, const char *host, const char *domain,
                          struct point_list *ret, struct err *err);
/* The disks that such a one lacks and an older one has. */
int catalog_sketch_missing(struct catalog *c, const char *host, const char *domain,
                           const struct point *sketch, struct strlist *ret, struct err *err);

/* The newest good point of each policy, with no more than id, repository, and its disks' paths and
 * lengths. */
int catalog_points_newest(struct catalog *c, const char *host, const char *domain,
                          struct point_list *ret, struct err *err);

/* The good ones that the point of that id stands on, with as much. */
int catalog_points_below(struct catalog *c, const char *id, struct point_list *ret,
                         struct err *err);

/* Bytes of the newest one of that level; 0: there is none. */
int catalog_point_size(struct catalog *c, const char *host, const char *domain, const char *policy,
                       enum backup_level level, uint64_t *ret, struct err *err);

typedef void catalog_on_domain(void *arg, const char *host, const char *domain);
/* Each domain that has a point, each that has a job: in the order of host and domain. */
int catalog_domains_with_points(struct catalog *c, catalog_on_domain *each, void *arg,
                                struct err *err);
int catalog_domains_with_jobs(struct catalog *c, catalog_on_domain *each, void *arg,
                              struct err *err);

/* Every point that was created in that second. */
typedef void catalog_on_point(void *arg, const char *id, const char *host, const char *domain);
int catalog_points_of_time(struct catalog *c, int64_t created, catalog_on_point *each, void *arg,
                           struct err *err);

/* Of each (host, domain, policy, repository) that has points being deleted one, with no more than
 * these. */
int catalog_points_going(struct catalog *c, struct point_list *ret, struct err *err);

/* The newest point in state good, of one (host, domain, policy); policy NULL: of any. *ret_found
 * false: none. */
int catalog_last_good(struct catalog *c, const char *host, const char *domain, const char *policy,
                      struct point *ret, bool *ret_found, struct err *err);

/* ERR_NOTFOUND: no such point. problem: why it is damaged or missing, one sentence; NULL:
 * nothing. */
int catalog_point_set_state(struct catalog *c, const char *id, enum point_state state,
                            const char *problem, struct err *err);
/* A read has found damage in the point's images: it is damaged until a read finds them whole
 * (NULL). */
int catalog_point_set_damage(struct catalog *c, const char *id, const char *damage,
                             struct err *err);
int catalog_point_set_keep(struct catalog *c, const char *id, const char *reason, struct err *err);
/* since 0: it is pinned no more. */
int catalog_point_set_pin(struct catalog *c, const char *id, const struct point_pin *pin,
                          struct err *err);

/* A merge begins (storage/merge/merge.h): id is let go of, and what is known of the length of the
 * images that stand on it, in point into, is true no more.  One transaction. */
int catalog_point_merging(struct catalog *c, const char *id, const char *into, struct err *err);
/* It did not: what stands in the point's manifest of its images, its parent and its level. */
int catalog_point_put_images(struct catalog *c, const struct point *p, struct err *err);
/* It is done: into is the point as it is now; id is no more.  One transaction. ERR_BUSY as with
 * catalog_point_delete. */
int catalog_point_merged(struct catalog *c, const char *id, const struct point *into,
                         struct err *err);

/* Refused (ERR_BUSY) while another point stands on it; fine if there is none.  If its checkpoint is
 * the current one, that goes, too (-> dropping): nothing can be based on it any more. */
int catalog_point_delete(struct catalog *c, const char *id, struct err *err);

/* A point by itself: one that a repository has and the catalog lacks; one in state deleting stands
 * for files that a failed job could not remove.  One that is there already stays as it is.
 * ERR_NOTFOUND: a point that it stands on is not in the catalog. */
int catalog_point_add(struct catalog *c, const struct point *p, struct err *err);

/* ---- checkpoints ---- */

enum checkpoint_state {
    CHECKPOINT_PROVISIONAL, /* made with a backup that is not published: no base for anything */
    CHECKPOINT_CURRENT,     /* of the last good point: what the next incremental starts from */
    CHECKPOINT_DROPPING,    /* to be removed from the hypervisor, then from here */
    CHECKPOINT_KEPT,        /* made by hand: stays until somebody deletes it */
};
const char *checkpoint_state_name(enum checkpoint_state v);

struct checkpoint_disk {
    char *name;
    uint64_t capacity; /* when it was made */
    struct disk_origin origin;
};

/* The name is unique within the domain. */
struct checkpoint {
    char *name, *host, *domain;
    char *policy; /* "": made by hand */
    enum checkpoint_state state;
    int64_t created;
    char *parent;      /* the domain's newest one when it was made; NULL: there was none */
    char *description; /* NULL: none */
    VEC(struct checkpoint_disk) disks;
    struct strlist left_out; /* the domain's other disks when it was made */
};

struct checkpoint_list {
    struct checkpoint *items;
    size_t n, cap;
};

void checkpoint_done(struct checkpoint *k);
void checkpoint_list_done(struct checkpoint_list *l);
const struct checkpoint *checkpoint_list_find(const struct checkpoint_list *l, const char *name);

/* In the order in which they were made; host, domain NULL: any. */
int catalog_checkpoints(struct catalog *c, const char *host, const char *domain,
                        struct checkpoint_list *ret, struct err *err);
int catalog_checkpoint_drop(struct catalog *c, const char *name, struct err *err); /* -> dropping */
/* A name of vmkeep's own making, which no two domains share: its row goes, and its children become
 * those of its parent.  Idempotent. */
int catalog_checkpoint_forget(struct catalog *c, const char *name, struct err *err);
/* The same for any name; that of one made by hand is remembered (see catalog_checkpoints_gone). */
int catalog_checkpoint_delete(struct catalog *c, const char *host, const char *domain,
                              const char *name, struct err *err);
/* The same for one whose bitmaps never were: a bitmap of its name would be somebody else's. */
int catalog_checkpoint_unmake(struct catalog *c, const char *host, const char *domain,
                              const char *name, struct err *err);

/* The names of the domain's checkpoints by hand that were deleted: a bitmap that bears one is our
 * own.  Of bitmaps of scheduled backups the name itself says so: catalog_checkpoint_is_ours. */
int catalog_checkpoints_gone(struct catalog *c, const char *host, const char *domain,
                             struct strlist *ret, struct err *err);
bool catalog_checkpoint_is_ours(const struct catalog *c, const char *name);

/* The bitmaps are there (or not): a row for them, kept; one that is kept already is changed.  state
 * and policy are set here.  ERR_EXISTS: the domain has one of that name that is not kept. */
int catalog_checkpoint_redefine(struct catalog *c, const struct checkpoint *k, struct err *err);

/* A checkpoint without a backup: first provisional (state and parent are set here), then kept.
 * ERR_EXISTS: the domain has one of that name. */
int catalog_checkpoint_add(struct catalog *c, const struct checkpoint *k, struct err *err);
int catalog_checkpoint_keep(struct catalog *c, const char *host, const char *domain,
                            const char *name, struct err *err);
/* The disks of one that was added without. */
int catalog_checkpoint_add_disks(struct catalog *c, const struct checkpoint *k, struct err *err);
/* A provisional one whose making has failed, and which may be there all the same. -> dropping */
int catalog_checkpoint_give_up(struct catalog *c, const char *host, const char *domain,
                               const char *name, struct err *err);
/* Provisional ones that no open job planned: their making was interrupted. -> dropping */
int catalog_checkpoint_drop_orphans(struct catalog *c, struct err *err);

/* ---- repositories ---- */

/* Which one a name of the configuration means. */
struct catalog_repository {
    char *name, *id, *path;
    int64_t since, seen; /* when the name was given to it, when it was last looked at */
};

void catalog_repository_done(struct catalog_repository *r);
int catalog_repository(struct catalog *c, const char *name, struct catalog_repository *ret,
                       bool *ret_found, struct err *err);

/* The repository was looked at; the first time its id is kept, also as that of the points that
 * were made under its name.  ERR_EXISTS: the name means another one. */
int catalog_repository_see(struct catalog *c, const char *name, const char *id, const char *path,
                           int64_t now, struct err *err);

/* The name means this one from now on, in one transaction: points of the one that it meant
 * before become missing until that is adopted again; points, which are those in it, are taken
 * into the catalog, or are good again. Of these, whatever stands on one that is not among them
 * is left out. */
int catalog_repository_adopt(struct catalog *c, const char *name, const char *id, const char *path,
                             const struct point_list *points, int64_t now, struct err *err);

/* A repository that may be lost for ever: by its name, with all points that were made under it,
 * or by its id, with the points that it holds, whatever has its name now. */
struct catalog_lost {
    bool by_id;
    char *name; /* that means it now; NULL: none does */
    struct point_list points;
};

/* ERR_NOTFOUND: neither.  ret: released with catalog_lost_done. */
int catalog_lost(struct catalog *c, const char *what, struct catalog_lost *ret, struct err *err);
void catalog_lost_done(struct catalog_lost *l);
/* It leaves the catalog, in one transaction: its points, with the checkpoints that belong to them
 * (-> dropping), and what is known of the name that means it.  Of each domain and policy a row
 * among the ended jobs says so. */
int catalog_repository_forget(struct catalog *c, const char *what, int64_t now, size_t *ret_points,
                              struct err *err);

/* ---- what a policy covers, and what was last seen ---- */

/* The (host, domain) is there, and selected by the policy; the first time is kept as "since", also
 * while it is gone. */
int catalog_cover(struct catalog *c, const char *host, const char *domain, const char *policy,
                  int64_t now, struct err *err);
/* The policy selects it no more: away since now, if it was not before.  When it is covered again,
 * "since" begins anew. */
int catalog_uncover(struct catalog *c, const char *host, const char *domain, const char *policy,
                    int64_t now, struct err *err);

struct cover_row {
    char *host, *domain, *policy;
    int64_t since, away; /* away 0: the policy selects the domain */
};

struct cover_list {
    struct cover_row *items;
    size_t n, cap;
};

void cover_list_done(struct cover_list *l);
const struct cover_row *cover_list_find(const struct cover_list *l, const char *host,
                                        const char *domain, const char *policy);
int catalog_coverage(struct catalog *c, struct cover_list *ret, struct err *err);

/* The policy, which is away, does not need its current checkpoint of the domain any more (->
 * dropping), and is forgotten; one transaction. */
int catalog_release(struct catalog *c, const char *host, const char *domain, const char *policy,
                    struct err *err);
/* The host has it no more; policies would select it. */
int catalog_cover_gone(struct catalog *c, const char *host, const char *domain, int64_t now,
                       struct err *err);
/* Those that have been gone since before that are forgotten. */
int catalog_cover_expire(struct catalog *c, int64_t before, struct err *err);
/* The host's domains that policies covered when they were last known, by name. */
int catalog_covered(struct catalog *c, const char *host, struct strlist *ret, struct err *err);

/* For the planner; see policies/plan.h.  last_: of the scheduled backup that was made last. */
struct catalog_history {
    int64_t since, last_due;
    bool has_attempt, failed;
    enum err_code error;
    int64_t last_end;
    int failures;
    enum backup_level last_level; /* asked for */
    int64_t last_created, last_uptime;
    char last_boot[40]; /* "": not recorded */
};

struct due_list {
    int64_t *items;
    size_t n, cap;
};

void due_list_done(struct due_list *l);

/* Scheduled backups (due != 0) only. */
int catalog_history(struct catalog *c, const char *host, const char *domain, const char *policy,
                    struct catalog_history *ret, struct err *err);
/* Of all backups, by whomever asked for: how many incrementals were made since the last full, and
 * when that was; where its job is not known any more, the oldest that is; 0: none is. */
int catalog_since_full(struct catalog *c, const char *host, const char *domain, const char *policy,
                       int *ret_incrementals, int64_t *ret_full_at, struct err *err);
/* The latest due time of them that is not after `until`; 0: none. */
int catalog_due_before(struct catalog *c, const char *host, const char *domain, const char *policy,
                       int64_t until, int64_t *ret, struct err *err);
/* Their due times after that, ascending, as many as matter; to be freed. */
int catalog_dues_after(struct catalog *c, const char *host, const char *domain, const char *policy,
                       int64_t after, struct due_list *ret, struct err *err);

/* What the daemon last saw of a domain or repository, for reading commands. */
struct seen {
    char *kind;    /* "domain", "repository", "policy", "host" (one that does not answer) */
    char *name;    /* HOST/DOMAIN, or the repository's or policy's name */
    char *state;   /* "running", "ok" ... */
    char *problem; /* NULL: none */
    char *unsafe;  /* why a copy of the domain's disks could harm the guest; NULL: it could not */
    char *uuid;    /* the domain's when it ran last; NULL: none */
    int64_t at;
};

struct seen_list {
    struct seen *items;
    size_t n, cap;
};

void seen_list_done(struct seen_list *l);
int catalog_seen_put(struct catalog *c, const char *kind, const char *name, const char *state,
                     const char *problem, const char *unsafe, int64_t now, struct err *err);
int catalog_seen_forget(struct catalog *c, const char *kind, const char *name, struct err *err);
/* Of a domain that was seen (HOST/DOMAIN); stays until the next one.  NULL: it has none. */
int catalog_seen_uuid(struct catalog *c, const char *domain, const char *uuid, struct err *err);
/* Of a domain that is gone (HOST/DOMAIN): the name under which a domain of that UUID was known. */
int catalog_gone_put(struct catalog *c, const char *domain, const char *uuid, int64_t now,
                     struct err *err);
/* The name, other than `domain` (HOST/DOMAIN), that one of the same host and UUID had last, and
 * until when; *ret NULL: none.  Caller frees. */
int catalog_gone_name(struct catalog *c, const char *domain, const char *uuid, char **ret,
                      int64_t *ret_until, struct err *err);
/* The UUID that a domain had when a chain (HOST/DOMAIN/POLICY) went on last; for 90 days. */
int catalog_chain_uuid_put(struct catalog *c, const char *chain, const char *uuid, int64_t now,
                           struct err *err);
/* *ret NULL: not known.  Caller frees. */
int catalog_chain_uuid(struct catalog *c, const char *chain, char **ret, struct err *err);
/* By name. */
int catalog_seen(struct catalog *c, const char *kind, struct seen_list *ret, struct err *err);
/* In a list as catalog_seen gives it; NULL: never seen. */
const struct seen *seen_list_find(const struct seen_list *l, const char *name);

/* What was attached to a domain when it was last looked at, and since when it has been there. */
struct seen_disk {
    char *name;
    int64_t since;
    char *identity; /* of its image, as in struct disk_origin; NULL: not known */
    char *aside;    /* what it is, if no scheduled backup takes it by its nature; NULL: a disk */
};

struct seen_disk_list {
    struct seen_disk *items;
    size_t n, cap;
};

/* The texts are copied. */
struct seen_disk *seen_disk_add(struct seen_disk_list *l, const char *name, const char *identity,
                                const char *aside);
void seen_disk_list_done(struct seen_disk_list *l);
/* By name, or by what it is, whatever it is called now. identity may be NULL. */
const struct seen_disk *seen_disk_find(const struct seen_disk_list *l, const char *name,
                                       const char *identity);
/* whole: what is not among them has gone.  Else it may be there all the same (of a domain that is
 * shut off the configuration's images alone are known), stays, and is added to disks.  Fills in
 * since. */
int catalog_seen_disks_put(struct catalog *c, const char *host, const char *domain,
                           struct seen_disk_list *disks, bool whole, int64_t now, struct err *err);
int catalog_seen_disks(struct catalog *c, const char *host, const char *domain,
                       struct seen_disk_list *ret, struct err *err);

#endif

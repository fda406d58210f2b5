/* SPDX-License-Identifier: MIT
 *
 * sim: a world for the real scheduler, policies and catalog: a virtual clock, simulated hosts and
 * repositories, and faults from a seed.
 *
 * Disks have few blocks, each a version number that guest writes raise, so a restore point's
 * contents can be compared with what the disk held at its instant.  What is simulated follows
 * what was measured of QEMU: bitmaps live in memory until QEMU closes, a killed QEMU leaves saved
 * ones inconsistent and loses new ones, ended jobs are kept until they are forgotten.
 *
 * The daemon can be killed at every call it makes to the world (longjmp out of it), before or after
 * the effect; world and catalog file stay as they are then.
 */
#ifndef VMKEEP_TESTS_SIM_H
#define VMKEEP_TESTS_SIM_H

#include <setjmp.h>

#include "engine/hypervisor.h"
#include "scheduler/scheduler.h"
#include "storage/store/store.h"

#define SIM_DAEMONS 2
#define SIM_BLOCKS 32
#define SIM_TEXT 128

/* ---- events and time ---- */

struct sim_event {
    int64_t at_ms;
    uint64_t order;
    int daemon;            /* dies with that one; 0: of the world */
    struct alarm *alarm;   /* either this ... */
    void (*fn)(void *ctx); /* ... or this */
    void *ctx;
    bool owned; /* ctx is freed when the event is dropped; else fn does that */
};

/* ---- simulated disks, domains ---- */

struct sim_bitmap {
    char name[64];
    uint32_t dirty; /* one bit a block */
    bool forgotten; /* its host does not know of it any more */
    bool saved;     /* has been in the file once: a kill leaves it inconsistent */
    bool inconsistent;
};

struct sim_disk {
    char name[16];
    uint64_t capacity;
    bool raw; /* holds no bitmaps */
    uint32_t blocks[SIM_BLOCKS];
    VEC(struct sim_bitmap) bitmaps;
};

struct sim_image {
    char target[SIM_TEXT]; /* "POINT/disk" */
    uint32_t present;      /* blocks that the image holds itself */
    uint32_t blocks[SIM_BLOCKS];
};

struct sim_job {
    char tag[HV_TAG_MAX];
    char place[SIM_TEXT]; /* the first disk's */
    enum hv_job_state state;
    struct err err;
    VEC(struct sim_image) images;
    int64_t start_ms, end_ms;
    bool doomed;        /* will fail at its end */
    bool torn;          /* its domain was started meanwhile */
    bool pull;          /* runs until it is ended */
    uint64_t of_images; /* of a domain that was shut off: by the driver of that id; 0: QEMU's */
    uint64_t id;        /* tells a job from a later one of the same domain */
};

struct sim_host;

struct sim_domain {
    char name[16];
    bool up;
    bool gone;      /* the host has no such domain now */
    bool transient; /* it goes when it stops */
    bool images;    /* they are known while it is shut off */
    bool renamed;
    enum hv_job_state last; /* libvirt: how its last job ended, */
    int64_t last_ms;        /* and how long it ran */
    VEC(struct sim_disk) disks;
    bool compared; /* its disks were held against what they were, for a backup that begins soon */
    bool has_job;
    struct sim_job job;
    struct sim_host *host;
};

/* A job that a driver has seen ending. */
struct sim_ending {
    char tag[HV_TAG_MAX];
    enum hv_job_state state;
    struct err err;
};

/* What the daemon made of the host: QEMU serves the oldest one, as it serves one client a
 * monitor. */
struct sim_hypervisor {
    struct hypervisor hv;
    struct sim_host *host;
    uint64_t id;
    bool told;                    /* it knows the domains */
    VEC(uint64_t) jobs;           /* libvirt: those that it has begun, or found running, */
    VEC(struct sim_ending) ended; /* and has seen ending */
    hv_event_fn listener;
    void *listener_ctx;
};

struct sim_host {
    struct sim_world *w;
    int daemon;                           /* whose it is */
    VEC(struct sim_hypervisor *) clients; /* oldest first */
    char name[16];
    VEC(struct sim_domain *) domains;
    VEC(struct sim_domain *) former; /* names that it has no domain of any more */
    int deaf_aborts;                 /* so many fail without effect */
    bool stalls;                     /* jobs that begin now copy nothing, and do not end */
    bool quiesces;                   /* its guests have agents */
    bool libvirt;                    /* it behaves like libvirt, else like QEMU */
    unsigned can;                    /* of enum hv_can */
    int64_t copy_ms;                 /* so long a copy takes; 0: by the dice */
    int answer_s;                    /* so long it may take for an answer */
    int64_t tells_ms;                /* and so long until it tells its domains to who comes anew */
    bool silent;                     /* it answers nobody now */
};

/* What a disk held at the instant of a backup. */
struct sim_truth {
    char target[SIM_TEXT];
    uint32_t blocks[SIM_BLOCKS];
};

/* ---- the simulated repository ---- */

/* Of a point whose removal has begun. */
struct sim_removal {
    bool let_go; /* it was not the last good one then */
    bool asked;  /* that was by name, */
    bool forced; /* with --force */
};

struct sim_stored {
    struct point point; /* as planned or published */
    bool published;
    bool recorded; /* a catalog has known it as a point */
    bool orphan;   /* it was in the making when the catalog that knew of it was lost */
    bool torn;     /* an image is not as long as it was any more */
    struct sim_removal removal, removal_saved; /* as the catalog knows it, and the one put aside */
    bool rotten;     /* an image holds other data than it did: only a read tells */
    bool wrong_date; /* made while the clock was years or days wrong */
    int64_t made_ms;
    int64_t read_until_ms; /* somebody restores from it */
    VEC(struct sim_image) images;
};

/* Whose a domain's directory is; the hosts here are all called the same.  A daemon stands for
 * its machine and its catalog's path. */
struct sim_owner {
    char domain[16], catalog[16];
    int daemon;
};

struct sim_catalog_id {
    char id[16];
};

/* What is on one disk. */
struct sim_medium {
    char id[20];
    char dir[96]; /* a real directory: the marker, the catalogs' copies */
    VEC(struct sim_stored *) points;
    VEC(struct sim_owner) owners;
};

/* Looks at all that is in a repository. */
enum sim_look { LOOK_NONE, LOOK_SURVEY, LOOK_EXAMINE };

struct sim_repo {
    struct sim_world *w;
    struct sim_medium here;  /* the one that is under the path */
    struct sim_medium aside; /* the other one */
    bool swapped;
    struct strlist lost; /* ids of published points that somebody has removed by hand */
    bool gone;           /* not mounted */
    int64_t back_ms;     /* when that changed, or the disk */
    bool full;
    bool scarce; /* nothing but the reserve is left, and what goes makes room */
    bool keeps_catalogs;
    enum sim_look fails; /* such a look, though the repository is there */
    int64_t look_ms;     /* for so long a survey of the whole takes */
    bool scratch_full;
    const char *remote; /* its file system is that of another machine; NULL: it is not */
};

/* How a clock may be wrong by so much that nobody can believe it. */
enum sim_leap { LEAP_YEARS_AHEAD, LEAP_DAY_BACK, LEAP_1970, SIM_LEAPS };

/* Chances in 1/10000, asked for at each occasion. */
struct sim_faults {
    int op_fails; /* an operation fails, with or without its effect */
    int op_slow;  /* it answers after minutes */
    int job_fails;
    int event_lost, event_doubled;
    int images_disturbed; /* while they are copied: the domain starts, or the copying ends */
    int kill_daemon;      /* at a call to the world */
};

struct sim_counts {
    uint64_t events, kills, points, pulls, prunes, merges, jobs, op_faults, job_faults, qemu_kills,
        lost_events, increments, wall_steps, compared, cancels, stops;
    uint64_t neighbours, leaps[SIM_LEAPS], reboots, vanished, torn, forgot, contradictions,
        wrong_dates, swaps, strangers, denied, deleted, pins, readers;
    uint64_t copies, unknown, put_back, lost, rebuilt, noticed;
    uint64_t hand_asked, hand_answers, hand_good, hand_failed, hand_checkpoints, hand_compared,
        hand_contradictions;
    uint64_t rotted, proven, rot_found;
    uint64_t brought, brought_increments;
    uint64_t late_hosts, away_hosts, gone, came, renamed, slow_answers, foreign_jobs, unseen_ends,
        forgotten;
    uint64_t image_jobs, image_pulls, image_ends, image_breaks, image_starts, image_checkpoints;
};

struct sim_world {
    uint64_t rng;
    int64_t now_ms;      /* elapsed time */
    int64_t wall_offset; /* wall clock = now_ms / 1000 + this */
    int64_t leap;        /* of that, what is wrong beyond belief; 0: the clock is right */
    int64_t booted_ms;
    char boot[32];
    uint64_t order;
    VEC(struct sim_event) events;
    struct clock clock;
    struct sim_host hosts[SIM_DAEMONS];
    struct sim_repo repo, offsite; /* the second one has copies */
    VEC(struct sim_truth) truths;
    struct sim_faults faults;
    struct sim_counts counts;
    uint64_t next_job, next_client;
    int64_t slow_ms; /* the next operation takes so much longer */
    jmp_buf killed;
    struct sim_daemon_place {
        bool can_kill; /* the daemon runs, and the jump's target is set */
        const char *catalog_id;
        struct catalog *catalog;
        struct sim_host *host;
        struct alarm *when_set;         /* NULL: it does not listen */
        bool forgets;                   /* its catalog is older than what it has done, or new */
        VEC(struct sim_catalog_id) ids; /* all that it has had, one after the other */
    } daemons[SIM_DAEMONS + 1];         /* by number; 0: none */
    int acting;                         /* whose code runs now; 0: the world's */
    const char *catalog_id;             /* of the daemon that acts */
    struct catalog *catalog;
};

/* world.c */
uint32_t sim_random(struct sim_world *w, uint32_t below);
bool sim_chance(struct sim_world *w, int in_10000);
int64_t sim_wall(const struct sim_world *w);
void sim_clock_init(struct sim_world *w);
/* Sets the wall clock, and the daemons are told. */
void sim_set_clock(struct sim_world *w, int64_t by);
/* The machine was booted just now. */
void sim_reboot(struct sim_world *w);
/* What is done from now on is done by that daemon, and counts as its own; 0: by the world. Each
 * event is run as the daemon's that it belongs to. */
void sim_act_as(struct sim_world *w, int daemon);
/* of_daemon: of the one that acts.  sim_at_owned: of the one that acts, with a ctx that fn
 * frees, or who drops the event. */
void sim_at_owned(struct sim_world *w, int64_t after_ms, void (*fn)(void *), void *ctx);
void sim_at(struct sim_world *w, int64_t after_ms, bool of_daemon, void (*fn)(void *), void *ctx);
/* Runs the next event; false when there is none before until_ms. */
bool sim_step(struct sim_world *w, int64_t until_ms);
/* The daemon is gone: its events are dropped. */
void sim_drop_daemon(struct sim_world *w, int daemon);
/* Whose catalog that is, or was; 0: nobody's. */
int sim_daemon_of(const struct sim_world *w, const char *catalog);
void sim_note_catalog(struct sim_world *w, int daemon, const char *id);
/* A place where the daemon may die. */
void sim_maybe_kill(struct sim_world *w);
/* An operation that completes later: fails with *err if that is set. Returns the op. */
struct op *sim_op(struct sim_world *w, const struct err *err, op_done done, void *ctx);
/* The same, with work to be done at the time of completion, which may fail. */
struct op *sim_op_with(struct sim_world *w, int (*work)(void *arg, struct err *err), void *arg,
                       op_done done, void *ctx);
/* The op takes so much longer. */
void sim_op_slow(struct sim_world *w, struct op *op, int64_t ms);
/* Draws whether this operation fails, and whether its effect happens all the same. */
bool sim_op_fails(struct sim_world *w, bool *ret_effect);
_Noreturn void sim_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* guest.c, host*.c */
struct hypervisor *sim_hypervisor_new(struct sim_host *h);
/* It behaves like libvirt from now on; every third domain is transient. */
void sim_host_as_libvirt(struct sim_host *h);
/* It is this machine: the images of its domains can be read. */
void sim_host_is_here(struct sim_host *h);
/* Somebody starts it; a copy of its images is torn by that. */
void sim_domain_starts(struct sim_domain *d);
/* The process that copies its images dies. */
void sim_images_break(struct sim_domain *d);
void sim_guest_writes(struct sim_domain *d);
void sim_qemu_kill(struct sim_domain *d);    /* SIGKILL, and started again; only one that is up */
void sim_qemu_kill_busy(struct sim_host *h); /* those that have a job, running or not */
void sim_qemu_restart(struct sim_domain *d); /* an orderly end, and started again */
struct sim_domain *sim_domain_add(struct sim_host *h, const char *name, size_t n_disks);
/* libvirt: somebody else begins a backup, for so long. */
void sim_foreign_job(struct sim_domain *d, int64_t ms);
/* Its host has it no more; or has it, perhaps again; or by another name. */
void sim_domain_goes(struct sim_domain *d);
void sim_domain_comes(struct sim_domain *d);
void sim_domain_rename(struct sim_domain *d, const char *name);
void sim_disk_add(struct sim_domain *d);
/* It is shrunk and grown again: what was beyond reads as zeroes, and no bitmap knows. */
void sim_disk_forget(struct sim_domain *d, struct sim_disk *disk);
struct sim_bitmap *sim_bitmap_find(struct sim_disk *d, const char *name);
/* What a pull's export shows, by its socket's place: the images of its job, or NULL. */
const struct sim_job *sim_export_find(struct sim_world *w, const char *uri);

/* repo.c */
struct store *sim_store_new(struct sim_repo *r);
struct sim_stored *sim_stored_find(struct sim_repo *r, const char *id);
/* Writes a finished image into the point in the making, if that is still there. */
void sim_image_arrives(struct sim_repo *r, const struct sim_image *image);
/* The point and all that it stands on are there as they were. */
bool sim_is_whole(struct sim_repo *r, const char *id);
/* By somebody else's hand, or what it stands on: no promise covers it. */
bool sim_is_harmed(struct sim_repo *r, const char *id);
/* Somebody puts the other disk there. */
void sim_swap(struct sim_repo *r);
/* The daemon; 0: nobody's yet. */
int sim_owner_of(const struct sim_repo *r, const char *domain);
/* Somebody removes one of the published points, or cuts an image of it; false: there is none. */
bool sim_point_harm(struct sim_repo *r, bool tear);
/* A bit of one flips. */
void sim_point_rots(struct sim_repo *r);
/* What restoring the disk gives. False: something of the chain is missing. */
bool sim_restore(struct sim_repo *r, const char *id, const char *disk, uint32_t *blocks);
const struct sim_truth *sim_truth_find(const struct sim_world *w, const char *target);
/* Compares every published point that the catalog calls good with the truth. */
void sim_compare_all(struct sim_world *w, int daemon, struct catalog *catalog);
/* The same of the copies; how many there are. */
size_t sim_compare_copies(struct sim_world *w, struct catalog *catalog);
/* Of those that the catalog calls good the one that was made last; false: there is none. */
bool sim_last_good(struct catalog *c, const char *domain, const char *policy, struct point *ret);
/* Its removal was not begun, or nobody knows that any more: who tries again has to have a reason of
 * his own. */
void sim_removal_refused(struct sim_stored *p);
/* What the catalog knows by now as points of that daemon. */
void sim_note_recorded(struct sim_world *w, int daemon, struct catalog *c);

#endif

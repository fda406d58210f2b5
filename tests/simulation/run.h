/* SPDX-License-Identifier: MIT
 *
 * run: one run of the simulation: its daemons, the weather they live in, and what must hold.
 *
 * There are one or two daemons.  Each has a catalog, a configuration and a host of its own; the
 * repository is one.  The second, where there is one, has domains of the same names (everybody's
 * first host is called the same) or of other names.
 */
#ifndef VMKEEP_TESTS_SIM_RUN_H
#define VMKEEP_TESTS_SIM_RUN_H

#include "tests/simulation/sim.h"

#define DAY_MS (INT64_C(86400) * 1000)
#define QUARTER_MS (INT64_C(900) * 1000)
#define START INT64_C(1774000000) /* 2026-03-20, before a clock change */

/* What a reload may change; 0: nothing. */
enum { ALTER_HOST = 1, ALTER_PATH = 2, ALTER_SELECTION = 4, ALTER_POLICIES = 8, ALTERATIONS = 16 };

struct sim_daemon {
    int number; /* 1, 2; see sim_act_as */
    struct sim_host *host;
    char letter; /* its domains are called by it: d0, d1 ... */
    char catalog_path[96], saved_path[96];
    struct catalog *catalog;
    struct scheduler *scheduler;
    struct observer jobs;
    char catalog_id[16];
    bool down;
    int life;            /* how often it was started */
    int catalogs;        /* how often its catalog was exchanged for another */
    unsigned alteration; /* of the configuration as it stands */
    int64_t up_ms;       /* since then, while it is not down */
    bool forgets;        /* its catalog was put back or lost, and is not rebuilt yet */
    bool rebuilt;        /* it was at least once */
    bool lives_on;       /* with such a catalog: it was started since */
};

enum sim_neighbour { NEIGHBOUR_NONE, NEIGHBOUR_SAME_NAMES, NEIGHBOUR_OTHER_NAMES };

/* When a scheduled backup was queued last. */
struct sim_queued {
    int daemon;
    char domain[16], policy[16];
    int64_t job, due, at_ms;
    int times; /* for this due time */
};

struct sim_run {
    struct sim_world w;
    char dir[64];
    struct zone *zone;
    struct sim_daemon daemons[SIM_DAEMONS];
    size_t n_daemons;
    enum sim_neighbour neighbour;
    VEC(struct sim_queued) queued;
    bool quiet;      /* no more weather */
    bool keeps_all;  /* rows of jobs, to be counted */
    bool has_copies; /* in the second repository */
    bool tells;      /* by notifications */
    bool no_fulls;   /* one policy, whose chains go on for ever by merging */
};
extern struct sim_run sim;

/* life.c */
void sim_make(uint64_t seed, int domains, enum sim_neighbour neighbour);
void sim_free(void);
void sim_remove_tree(const char *path);
/* The daemon that does what is done now, or for which it is done. */
struct sim_daemon *acting(void);
void act_as(struct sim_daemon *d);
struct config *read_config(const struct sim_daemon *d);
void daemon_start(void *daemon);
void daemon_gone(struct sim_daemon *d); /* as kill -9 leaves things */
void daemon_back_later(struct sim_daemon *d);

/* catalogs.c */
/* Before it is opened: somebody may save a copy, for a bad day. */
void catalog_save_now_and_then(const struct sim_daemon *d);
/* Now and then a catalog is put back to an older state, or lost; days later it is rebuilt. */
void catalog_trouble_comes(void *unused);
/* It is, now, and the daemon starts again later. */
void catalog_goes(struct sim_daemon *d, bool lost);
void catalog_rebuild(void *daemon); /* when it can be; nothing to do: nothing is done */
void medium_make(struct sim_medium *m, int number);

/* weather.c */
void guest_life(void *domain);
void weather(void *unused);
void calm_down(void);
/* Somebody who has waited for a job's end asks for the next one at once. */
void on_job(void *daemon, const void *job_event);

/* asking.c */
void ask_about_jobs(struct sim_daemon *d); /* now and then */
void asked_report(void);
/* A run is the same whichever runs were before it. */
void asked_begin(void);

/* clocks.c */
/* The first daemon's life of some weeks in which the clock is wrong; restart: with a new daemon
 * whenever it is set. */
void live_with_clocks(bool restart);

/* pins.c */
void ask_pins(struct sim_daemon *d, const struct sim_domain *domain);
void check_pins(const struct sim_daemon *d);

/* marks.c */
void check_marks(void);

/* scenes_notify.c: a daemon that tells, where sim.tells. */
void tell_begins(struct sim_daemon *d);
void tell_job(const struct job *j);
void tell_gone(void);

/* scenes.c */
void play_scenes(void);

/* checks.c */
void check_distance(const struct sim_daemon *d, const struct job *j);
void check_always(void);
void check_queue(const struct sim_daemon *d);
/* When all has been well for a while: nothing is left lying about; all have a point of the last
 * 26 h. */
void check_settled(void);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A domain of the driver: its connection, and its tasks.
 *
 * A task is one operation under way (an inspect, a backup_begin).  A domain works on one task at a
 * time, in the order in which they came; domains do not wait for one another.  A task is a state
 * machine: while suspended it waits for exactly one thing (an answer of QEMU, a child process, a
 * timer, the guest agent), and when that has ended its step runs, always from the loop.
 *
 *   domain.c        the list of tasks, and what a task may wait for
 *   connection.c    the QMP session: made, lost, made again; events
 *   socket_watch.c  sees the socket appear
 *   side.h          what differs between a QEMU and a storage daemon
 */
#ifndef VMKEEP_ENGINE_QMP_DOMAIN_H
#define VMKEEP_ENGINE_QMP_DOMAIN_H

#include <ev.h>
#include <sys/types.h>

#include "base/files.h"
#include "base/proc.h"
#include "engine/hypervisor.h"
#include "engine/qmp/state/view.h"
#include "engine/qmp/wire/client.h"
#include "engine/qmp/wire/command.h"

struct domain;
struct freezer;
struct offline;
struct qmp_domain_config;
struct side;
struct waiting_child;

struct socket_watch {
    int fd; /* inotify; -1: none */
    ev_io io;
    void (*appeared)(struct domain *d); /* perhaps: what is to be done then */
};

struct qmp_hypervisor {
    struct hypervisor hv; /* first */
    struct ev_loop *loop;
    VEC(struct domain *) domains;
    VEC(struct domain *) replaced; /* images.c: freed from the loop, for they may be on the stack */
    ev_timer bury;
    hv_event_fn listener;
    void *listener_ctx;
    ev_timer raise; /* events are told from here */
    struct socket_watch watch;
    /* Looks after our jobs and the guest without being asked to: after events, and when a
     * connection has been made (tend/jobs.h). */
    void (*tend)(struct domain *d);
};

struct task;
struct task_kind {
    /* What the thing that the task waited for has brought: t->reply, t->wait_err.  First of all it
     * runs when the task's turn has come and there is a connection, or none could be made (then
     * !t->domain->up, and wait_err says why). */
    void (*step)(struct task *t);
    void (*release)(struct task *t); /* frees what the task holds, and the task */
};

struct task {
    struct op op; /* first: a struct op * is a struct task * */
    struct task *next;
    struct domain *domain;
    const struct task_kind *kind;
    bool at_work;
    bool tried;             /* a connection was asked for on its behalf */
    bool canceled;          /* somebody asked for its end; looked at by step */
    json_t *reply;          /* what the last command returned */
    char *output;           /* what the last program that ended well has printed, */
    struct file_list files; /* or has found */
    struct err wait_err;    /* how the last wait ended; ERR_NONE: well */
    bool woken;             /* the wait has ended already; step runs on the next turn */
    bool sleeping;
    ev_timer alarm;
    struct waiting_child *child;
    op_done done; /* NULL: nobody waits for it (a task of the driver's own) */
    void *ctx;
};

struct domain {
    struct qmp_hypervisor *owner;
    char *name, *qmp, *agent;
    struct view_disk_name *disks;
    size_t n_disks;
    char *tls_certificates; /* a directory of QEMU's */
    bool tls_verify;
    bool shared_names; /* see config.h */
    const struct side *side;

    /* connection.c */
    struct qmp_client *client; /* NULL: no connection, none being made */
    bool up;                   /* commands may be sent */
    bool was_up;               /* ever */
    double knock_until;        /* the socket's queue is full: try again until then; 0: not so */
    bool breaks_snapshot;      /* a plain backup can give up itself rather than a guest's write */
    pid_t pid;                 /* QEMU's, or 0 */
    pid_t peer;                /* who listened when last connected to */
    enum domain_state down_state; /* while not up: shut off or unreachable, */
    struct err down_why;          /* and why */
    ev_timer retry;
    double pause_s;
    int watch;        /* socket_watch.c: for the socket to appear; -1: none */
    bool watch_whole; /* of the socket's own directory */

    struct task *tasks; /* the first one is at work, or will be */
    ev_timer turn;      /* go on with the tasks on the next turn of the loop */

    bool raise_job, raise_domain; /* events to be told */

    /* tend/tend.c: why a job was given up for the guest's sake, which QEMU cannot tell any more */
    char io_error[128]; /* the reason in QEMU's last BLOCK_IO_ERROR */
    char given_up_tag[HV_TAG_MAX];
    struct err given_up_why;

    struct writing *writing; /* of the targets of its push; NULL: nothing is */
    struct writing *holding; /* its scratch files */
    /* Whose these are, or were: tried once, for not everybody may hold them. */
    char held[HV_TAG_MAX];

    struct freezer *freezer; /* NULL: no agent is configured */

    /* offline.h: while the domain is shut off */
    struct domain *offline;  /* stands for its images, or has done so; NULL: not needed yet */
    struct offline *session; /* of such a domain; NULL: this is none */
};

/* ---- domain.c ---- */

struct domain *domain_new(struct qmp_hypervisor *owner, const struct qmp_domain_config *config,
                          const struct side *side);
void domain_free(struct domain *d);

/* Puts a task, just allocated, at the end of the line. */
struct op *task_start(struct domain *d, struct task *t, const struct task_kind *kind, op_done done,
                      void *ctx);
/* A task of the driver's own: goes before all that are not at work yet. */
void task_start_first(struct domain *d, struct task *t, const struct task_kind *kind);
/* Puts the task at work at the end of another domain's line, where its turn comes anew. */
void task_move(struct task *t, struct domain *to);

/* How a part of a task goes (look.h, image.h). */
enum look_result { LOOK_WAITING, LOOK_DONE, LOOK_FAILED };

/* Each of these is the last thing that a step does: it suspends the task ... */
void task_call(struct task *t, struct command command);
void task_sleep(struct task *t, double seconds); /* a job's event ends it early */
void task_run(struct task *t, const struct proc_spec *spec);
void task_files(struct task *t, enum files_what what, const struct files_request *q,
                double timeout_s);
void task_yield(struct task *t);
/* ... or ends it: the task is gone.  err: NULL for success. */
void task_finish(struct task *t, const struct err *err);

/* Ends a wait of the task at work, from the loop.  err: NULL for success. */
void task_resume(struct task *t, const struct err *err);

/* Is there a task of this kind that waits for its turn? */
bool domain_has_waiting(const struct domain *d, const struct task_kind *kind);

/* Completes every task with ERR_CANCELED, from inside. */
void domain_drop_tasks(struct domain *d);

/* Goes on with the tasks on the next turn of the loop. */
void domain_turn(struct domain *d);

/* Wakes a task at work that sleeps. */
void domain_wake_sleeper(struct domain *d);

void domain_raise(struct domain *d, enum hv_event_type type);

/* What a new bitmap of that checkpoint is called on that disk.  Caller frees. */
char *domain_bitmap(const struct domain *d, const char *checkpoint, const char *disk);

struct view_names domain_names(const struct domain *d, const char *cwd);

/* Is it shut off, and are its images configured, so that something can be done without QEMU? */
bool domain_has_images_only(const struct domain *d);

/* Who the domain's QEMU runs as: the owner of files that it is to open. */
void domain_user(const struct domain *d, uid_t *uid, gid_t *gid);

/* ---- connection.c ---- */

void connection_init(struct domain *d);
/* Makes one if there is none and none is being made; its outcome is told by domain_turn. */
void connection_want(struct domain *d);
/* The socket has just been made: tries again now, and soon again should QEMU not listen on it
 * yet. */
void connection_knock(struct domain *d);
bool connection_is_pending(const struct domain *d);
/* May commands be sent? */
bool connection_is_up(const struct domain *d);
/* Makes it again after a pause, or when the socket appears. */
void connection_retry(struct domain *d);
void connection_done(struct domain *d);
/* The session of a domain that stands for images, on a connected socket; taken over. */
void connection_adopt(struct domain *d, int fd);

/* "web01 is shut off: connect /run/vm/web01.qmp: ..." */
int connection_error(const struct domain *d, struct err *err);

/* ---- socket_watch.c ---- */

void socket_watch_start(struct qmp_hypervisor *owner, void (*appeared)(struct domain *d));
void socket_watch_stop(struct qmp_hypervisor *owner);
/* Watches for the domain's socket: to be called whenever it could not be connected to. */
void socket_watch_domain(struct domain *d);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  An operation under way: a chain of steps, each of which waits for one
 * thing (an answer of libvirt's, one of vmkeep-store, a while) and names the step that follows.
 * Steps run from the loop; t->err says how the wait has ended.  After a cancel (t->canceled) the
 * wait ends soon, mostly with ERR_CANCELED; the step that follows ends the task, or undoes first
 * what was done.  Tasks do not wait for one another: libvirt keeps apart what must be.
 *
 *   struct look { struct libvirt_task task; ... };      embeds it first; from xcalloc
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_TASK_H
#define VMKEEP_ENGINE_LIBVIRT_TASK_H

#include <ev.h>

#include "base/ask.h"
#include "base/files.h"
#include "base/proc.h"
#include "engine/libvirt/host.h"
#include "engine/libvirt/wire.h"

struct libvirt_wait;

typedef void (*libvirt_step)(struct libvirt_task *t);

struct libvirt_task {
    struct op op; /* first: a struct op * is a struct libvirt_task * */
    struct libvirt_task *next;
    struct libvirt_host *host;
    char *domain, *uuid; /* NULL uuid: the host could not be asked when it began */
    struct err err;      /* how the last wait has ended; ERR_NONE: well */
    bool canceled;
    bool steady; /* a cancel does not end the wait: the answer must be known */
    libvirt_step step;
    void (*release)(struct libvirt_task *t); /* frees what it holds, and itself */
    struct libvirt_wait *wait;
    ev_timer timer; /* a sleep, or the next turn */
    op_done done;
    void *ctx;
};

/* first runs on the next turn of the loop.  domain: NULL when the host has none of that name, or
 * cannot be asked; then t->domain is the caller's to set. */
struct op *libvirt_task_start(struct libvirt_host *h, struct libvirt_task *t,
                              const struct libvirt_domain *domain, libvirt_step first,
                              void (*release)(struct libvirt_task *t), op_done done, void *ctx);

/* Each of these is the last thing that a step does: it waits ... */

/* What is asked is borrowed for the call; ask->ret stays untouched when it fails. */
void libvirt_task_ask(struct libvirt_task *t, const struct peer_ask *ask, libvirt_step next);
/* The same of the task's domain: q's name and UUID are filled in. */
void libvirt_task_request(struct libvirt_task *t, const char *what, const struct record *request,
                          struct libvirt_request q, const struct record *answer, void *ret,
                          double timeout_s, libvirt_step next);
/* Of vmkeep-store, or another program of that kind. */
void libvirt_task_store(struct libvirt_task *t, const struct ask *ask, libvirt_step next);
void libvirt_task_files(struct libvirt_task *t, enum files_what what, const struct files_request *q,
                        double timeout_s, struct file_list *ret, libvirt_step next);
/* A program; *ret: what it has printed, the caller's. */
void libvirt_task_run(struct libvirt_task *t, const struct proc_spec *spec, char **ret,
                      libvirt_step next);
/* The task's domain. */
void libvirt_task_inspect(struct libvirt_task *t, struct domain_facts **ret, libvirt_step next);
/* Any other operation, as the task's own: start begins it, with done and ctx for its own.  What it
 * writes to may be the task's. */
typedef struct op *(*libvirt_op_start)(struct libvirt_task *t, op_done done, void *ctx,
                                       struct err *err);
void libvirt_task_op(struct libvirt_task *t, libvirt_op_start start, libvirt_step next);
void libvirt_task_abort(struct libvirt_task *t, const struct hv_job *job, libvirt_step next);
void libvirt_task_sleep(struct libvirt_task *t, double seconds, libvirt_step next);
/* ... or ends the task, which is gone then.  err: NULL, or ERR_NONE: success. */
void libvirt_task_finish(struct libvirt_task *t, const struct err *err);

/* Ends all with ERR_CANCELED, from inside. */
void libvirt_tasks_drop(struct libvirt_host *h);

#endif

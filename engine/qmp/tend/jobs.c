/* SPDX-License-Identifier: MIT
 *
 * job_stats, abort_job, job_forget, and tending: each is a struct tend (tend.h) with a goal.
 */
#include "engine/qmp/tend/jobs.h"

#include <stdlib.h>

#include "base/log.h"
#include "engine/qmp/domain/freezer.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/offline/offline.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/tend/tend.h"

struct job_task {
    struct task task; /* first */
    struct tend tend;
    struct hv_job_stats *ret;
    bool unmarking; /* the last thing: the mark of a freeze is being taken away */
    bool untrying;  /* before it: what a trial has left is */
};

/* The jobs of a QEMU that is no more have ended, and are forgotten.  (One that was asked for how
 * they are may be asked again: that is no more than a missing socket, which may come back; unless
 * the domain can be backed up without QEMU: then it counts as shut off.) */
static bool ended_with_qemu(struct job_task *j)
{
    const struct domain *d = j->task.domain;

    return !d->up &&
           (d->side->ended(d, &j->tend.stats) ||
            (d->down_state == DOMAIN_SHUTOFF && (j->tend.goal != TEND_STATS || d->n_disks > 0)));
}

/* While tending: the mark of a freeze, and no backup is beginning.  A former life has left it
 * behind, or the thaw was confirmed late.  The freeze was ours, so the thaw is, too; when it is
 * confirmed, we come here again, and the mark goes.  True: suspended. */
static bool look_after_freeze(struct job_task *j)
{
    struct freezer *f = j->task.domain->freezer;

    if (j->unmarking || j->tend.goal != TEND_WATCH || !j->tend.look.view.frozen_mark || !f)
        return false;
    if (!freezer_is_thawed(f)) {
        domain_raise(j->task.domain, HV_EVENT_DOMAIN);
        freezer_thaw(f, NULL, NULL);
        return false;
    }
    j->unmarking = true;
    task_call(&j->task, command_del_node(FROZEN_MARK));
    return true;
}

/* While tending: a trial of a former life has left its file open.  (Of one that goes on now this
 * takes nothing: that QEMU could open it is all that it is for.)  True: suspended. */
static bool look_after_trial(struct job_task *j)
{
    if (j->untrying || j->unmarking || j->tend.goal != TEND_WATCH || !j->tend.look.view.trial)
        return false;
    j->untrying = true;
    task_call(&j->task, command_del_node(TRIAL_NODE));
    return true;
}

/* Does the hypervisor know nothing of the job from now on?  A pull is over when it is ended. */
static bool is_over(const struct job_task *j)
{
    const struct hv_job_stats *stats = &j->tend.stats;

    return j->tend.goal == TEND_FORGET ||
           (j->tend.goal == TEND_ABORT && (stats->mode == MODE_PULL || stats->state == HVJOB_NONE));
}

static void job_step(struct task *t)
{
    struct job_task *j = (struct job_task *)t;
    struct err err = ERR_INIT;

    if (offline_route(t, j->tend.tag))
        return;
    if (t->canceled && !j->tend.rescue)
        err_set(&err, ERR_CANCELED, "cancelled");
    else if (!connection_is_up(t->domain) && !ended_with_qemu(j))
        connection_error(t->domain, &err);
    else if (connection_is_up(t->domain) &&
             ((!j->unmarking && !j->untrying && tend_step(&j->tend, t, &err)) ||
              look_after_trial(j) || look_after_freeze(j)))
        return;
    /* It has died while it was asked: that is an answer. */
    if (err.code == ERR_REMOTE && !connection_is_up(t->domain) &&
        t->domain->side->ended(t->domain, &j->tend.stats))
        err = ERR_INIT;
    if (err.code == ERR_NONE && is_over(j) && t->domain->side->let_go(t))
        return;
    if (j->unmarking)
        domain_raise(t->domain, HV_EVENT_DOMAIN);
    if (err.code == ERR_NONE && j->ret) {
        *j->ret = j->tend.stats;
        j->ret->ends_with_us = t->domain->session != NULL;
    }
    if (err.code != ERR_NONE && !t->done)
        log_debug("qmp: %s: looking after jobs: %s", t->domain->name, err.msg);
    task_finish(t, err.code != ERR_NONE ? &err : NULL);
}

static void job_release(struct task *t)
{
    struct job_task *j = (struct job_task *)t;

    tend_done(&j->tend);
    free(j);
}

static const struct task_kind job_kind = {job_step, job_release};
static const struct task_kind watch_kind = {job_step, job_release};

static struct op *start(struct domain *d, enum tend_goal goal, const char *tag,
                        struct hv_job_stats *ret, op_done done, void *ctx, struct err *err)
{
    struct job_task *j;

    if (tag_check(tag, err) < 0)
        return NULL;
    j = xcalloc(1, sizeof(*j));
    j->ret = ret;
    tend_init(&j->tend, goal, tag);
    return task_start(d, &j->task, &job_kind, done, ctx);
}

struct op *job_stats_start(struct domain *d, const char *tag, struct hv_job_stats *ret,
                           op_done done, void *ctx, struct err *err)
{
    return start(d, TEND_STATS, tag, ret, done, ctx, err);
}

struct op *job_abort_start(struct domain *d, const char *tag, op_done done, void *ctx,
                           struct err *err)
{
    return start(d, TEND_ABORT, tag, NULL, done, ctx, err);
}

struct op *job_forget_start(struct domain *d, const char *tag, op_done done, void *ctx,
                            struct err *err)
{
    return start(d, TEND_FORGET, tag, NULL, done, ctx, err);
}

void tend_domain(struct domain *d)
{
    struct job_task *j;

    if (domain_has_waiting(d, &watch_kind))
        return;
    j = xcalloc(1, sizeof(*j));
    tend_init(&j->tend, TEND_WATCH, NULL);
    task_start_first(d, &j->task, &watch_kind);
}

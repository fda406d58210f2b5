/* SPDX-License-Identifier: MIT
 *
 * Looking after the jobs of a tag.
 *
 *   start -> looking -> canceling -> waiting -+
 *              | ^                            |
 *              | +----------------------------+
 *              +-> probing -> done
 *              +-> syncing -> sealing -> closing -> continuing -> dismissing -> done
 *
 * Every decision is made from what QEMU says now (looking), never from an event.
 *
 * - When one job has failed, the others are cancelled: without it the backup is worth nothing.
 * - A target is complete only when QEMU has written out and closed it.  blockdev-del hides errors
 *   in that, so a successful job's targets are sealed first; where that fails, the backup has
 *   failed, and the nodes stay until the job is let go, so that whoever asks again is told the
 *   same.  Before that, vmkeep-store syncs the files (syncing), and the guest's disks that have a
 *   gate to be taken away: QEMU would do it with its main lock held, and the guest would stand
 *   still for as long as it takes.  Files that hang
 *   are not closed at all until they answer (files.h).  Little is left for it to sync: it writes
 *   out what a push writes while that goes on (tend_write.c).
 * - A pull runs for as long as its server does.  Its probes (begin_serve.c) are made again whenever
 *   somebody asks (probing), and once more before it ends.  Ended, it leaves nothing behind.
 * - A peer over NBD that hangs would keep its job, and whatever waits for the disk, for ever: when
 *   a job is to end, its connection is cut first; and before it is closed, for QEMU writes out what
 *   is left in its main loop, and the guest would stand still.  One that stops just then is cut
 *   when it has not answered for a while (tend_peers.c).
 * - The guest's safety.  An unshielded copy can stop the guest: blockdev-backup keeps what the
 *   guest is about to overwrite, and when the target takes it no more, the guest's write fails and
 *   QEMU stops the guest (status io-error).  Then the jobs are given up, their nodes closed, and
 *   the guest is continued, once a tag.  A guest that is paused for any other reason is left alone.
 */
#include "engine/qmp/tend/tend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/look/files.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/wire/texts.h"
#include "engine/writing.h"

#define WAIT_S 30.0      /* for jobs to end after a cancel */
#define LOOK_AGAIN_S 1.0 /* should an event be lost */

enum tend_state {
    T_START,
    T_LOOKING,
    T_CANCELING,
    T_WAITING,
    T_PROBING,
    T_SYNCING,
    T_SEALING,
    T_CLOSING,
    T_CONTINUING,
    T_DISMISSING,
    T_DONE,
};

#define TO(s) FSM_BIT(T_##s)
static const struct fsm_state states[] = {
    [T_START] = {"start", TO(LOOKING) | TO(DONE)},
    [T_LOOKING] = {"looking", TO(CANCELING) | TO(WAITING) | TO(PROBING) | TO(SYNCING) | TO(DONE)},
    [T_CANCELING] = {"canceling", TO(WAITING) | TO(DONE)},
    [T_WAITING] = {"waiting", TO(LOOKING) | TO(DONE)},
    [T_PROBING] = {"probing", TO(DONE)},
    [T_SYNCING] = {"syncing", TO(SEALING) | TO(CLOSING) | TO(DONE)},
    [T_SEALING] = {"sealing", TO(CLOSING) | TO(DONE)},
    [T_CLOSING] = {"closing", TO(CONTINUING) | TO(DONE)},
    [T_CONTINUING] = {"continuing", TO(DISMISSING) | TO(DONE)},
    [T_DISMISSING] = {"dismissing", TO(DONE)},
    [T_DONE] = {"done", 0},
};

void tend_init(struct tend *td, enum tend_goal goal, const char *tag)
{
    *td = (struct tend){.goal = goal, .fsm = {.states = states, .state = T_START}};
    snprintf(td->tag, sizeof(td->tag), "%s", tag ? tag : "");
}

static void todo_clear(struct tend *td)
{
    for (size_t i = td->next; i < td->todo.n; i++)
        json_decref(td->todo.items[i].args);
    free(td->todo.items);
    td->todo.items = NULL;
    td->todo.n = td->todo.cap = td->next = 0;
}

void tend_done(struct tend *td)
{
    look_done(&td->look);
    todo_clear(td);
    strlist_done(&td->files);
    strlist_done(&td->disks);
}

/* ---- lists of things to do, one command each ---- */

static bool is_ours(const struct tend *td, const struct view_job *job, bool concluded)
{
    return job_id_has_tag(job->id, td->tag) && job->concluded == concluded;
}

/* Probes that have found nothing are made again. */
static void list_probes(struct tend *td)
{
    const struct view *v = &td->look.view;
    char window[NODE_NAME_MAX], sink[NODE_NAME_MAX];

    todo_clear(td);
    for (size_t i = 0; tend_has_node(td, NODE_WINDOW) && i < v->jobs.n; i++) {
        const struct view_job *job = &v->jobs.items[i];

        if (!is_ours(td, job, true) || job->error)
            continue;
        node_name(window, td->tag, job_id_index(job->id), NODE_WINDOW);
        node_name(sink, td->tag, job_id_index(job->id), NODE_SINK);
        tend_todo(td, command_job_dismiss(job->id));
        tend_todo(td, command_backup(job->id, window, sink));
    }
}

static void list_cancels(struct tend *td)
{
    const struct view *v = &td->look.view;

    list_probes(td);
    tend_cut_peers(td);
    for (size_t i = 0; !tend_has_node(td, NODE_WINDOW) && i < v->jobs.n; i++)
        if (is_ours(td, &v->jobs.items[i], false))
            tend_todo(td, command_job_cancel(v->jobs.items[i].id));
}

/* Which jobs QEMU may forget: all when they are let go; of a pull that is over, the good ones. */
static void list_dismissals(struct tend *td)
{
    const struct view *v = &td->look.view;
    bool pull = td->stats.mode == MODE_PULL && td->goal == TEND_ABORT;

    todo_clear(td);
    for (size_t i = 0; i < v->jobs.n; i++)
        if (is_ours(td, &v->jobs.items[i], true) &&
            (td->goal == TEND_FORGET || (pull && td->stats.state == HVJOB_COMPLETED)))
            tend_todo(td, command_job_dismiss(v->jobs.items[i].id));
}

/* While it was written to, QEMU's flushes of it did nothing (command_add_unflushed). */
static void list_flushed(struct tend *td, const char *file)
{
    const struct view *v = &td->look.view;

    for (size_t i = 0; i < v->nodes.n; i++)
        if (strcmp(v->nodes.items[i].name, file) == 0 && v->nodes.items[i].file &&
            strcmp(v->nodes.items[i].driver, "file") == 0)
            tend_todo(td, command_flushed(file, v->nodes.items[i].file));
}

static void list_seals(struct tend *td)
{
    const struct view *v = &td->look.view;
    char file[NODE_NAME_MAX];
    size_t disk;

    for (size_t i = 0; i < v->nodes.n; i++) {
        if (!node_name_is(v->nodes.items[i].name, td->tag, NODE_TARGET))
            continue;
        node_name_parse(v->nodes.items[i].name, NULL, &disk, NULL);
        node_name(file, td->tag, disk, NODE_TARGET_FILE);
        list_flushed(td, file);
        tend_list_seal(td, v->nodes.items[i].name, file,
                       command_seal(v->nodes.items[i].name, file, v->nodes.items[i].driver,
                                    tend_secret(td, disk)));
    }
}

/* Sends the next command of the state's list. False: there is none left. */
static bool do_next(struct tend *td, struct task *t)
{
    if (td->next == td->todo.n)
        return false;
    task_call(t, td->todo.items[td->next++]);
    return true;
}

/* ---- the machine ---- */

static void enter_syncing(struct tend *td, struct task *t)
{
    fsm_move(&td->fsm, T_SYNCING);
    writing_stop(&t->domain->writing);
    todo_clear(td);
    strlist_done(&td->files);
    strlist_done(&td->disks);
    td->files = td->disks = (struct strlist){0};
    if (td->goal == TEND_STATS && td->stats.state == HVJOB_COMPLETED)
        list_seals(td);
    if (td->goal != TEND_WATCH || td->rescue)
        tend_list_closed(td, &td->files);
    if (td->goal != TEND_WATCH)
        tend_list_gated(td, &td->disks);
    t->wait_err = ERR_INIT;
    td->touched = td->flushing = false;
    td->syncing = td->files.n > 0;
    if (td->syncing)
        files_touch(t, &td->files);
}

static void enter_closing(struct tend *td)
{
    fsm_move(&td->fsm, T_CLOSING);
    todo_clear(td);
    if ((td->goal == TEND_WATCH && !td->rescue) || td->unsealed)
        return;
    /* What is written to it is worth nothing: closing it must not wait for the peer. */
    if (td->stats.state != HVJOB_COMPLETED && td->stats.state != HVJOB_NONE)
        tend_cut_peers(td);
    tend_list_close(td);
}

/* A job that goes on: asked to end, waited for, or left alone. */
static void decide_on_running(struct tend *td, struct task *t, bool failed, struct err *err)
{
    double now = ev_now(t->domain->owner->loop);

    tend_write_out(td, t->domain);
    if (!td->canceled && (td->goal == TEND_ABORT || td->rescue || failed)) {
        td->canceled = true;
        td->deadline = now + WAIT_S;
        fsm_move(&td->fsm, T_CANCELING);
        list_cancels(td);
    } else if (td->canceled && now < td->deadline) {
        fsm_move(&td->fsm, T_WAITING);
    } else if (td->goal == TEND_STATS && td->stats.mode == MODE_PULL && !td->canceled) {
        fsm_move(&td->fsm, T_PROBING);
        list_probes(td);
    } else {
        if (td->goal == TEND_FORGET)
            err_set(err, ERR_BUSY, "backup job %s still runs", td->tag);
        else if (td->canceled)
            err_set(err, ERR_TIMEOUT, "backup job %s did not end within %.0f s of its cancelling",
                    td->tag, WAIT_S);
        fsm_move(&td->fsm, T_DONE);
    }
}

/* What to do about what was seen. *err: the end. */
static void decide(struct tend *td, struct task *t, struct err *err)
{
    bool failed = tend_judge(td, t->domain);

    if (td->stats.state == HVJOB_RUNNING) {
        decide_on_running(td, t, failed, err);
        return;
    }
    if (td->goal == TEND_WATCH && td->stats.state != HVJOB_NONE)
        domain_raise(t->domain, HV_EVENT_JOB);
    enter_syncing(td, t);
}

static void note_unsealed(struct tend *td, const struct err *why)
{
    if (td->unsealed)
        return;
    td->unsealed = true;
    td->stats.state = HVJOB_FAILED;
    td->stats.err = *why;
    err_wrap(&td->stats.err, "write out the images");
}

/* Somebody has stopped the NBD server, or a beginning broke off before it was started. */
static bool is_gone_already(const struct err *err)
{
    return qemu_said(err->msg, SAID_NO_SERVER);
}

/* A target's server does not answer any more, and QEMU stands still for it. */
static bool cut_hanging(struct tend *td, const struct task *t)
{
    bool sealing = td->fsm.state == T_SEALING;

    if ((!sealing && td->fsm.state != T_CLOSING) || !connection_is_up(t->domain))
        return false;
    if (tend_was_cut(td))
        return true;
    if (t->wait_err.code != ERR_TIMEOUT || !tend_cut_hanging(td, sealing))
        return false;
    if (sealing) {
        note_unsealed(td, &t->wait_err);
        tend_say_cut(&td->stats.err);
    }
    return true;
}

/* A command of the state's list has failed. True: go on with the list. */
static bool tolerate(struct tend *td, const struct task *t, struct err *err)
{
    if (cut_hanging(td, t))
        return true;
    /* A job may have ended before its cancelling, or have been dismissed: looking tells. */
    if (td->fsm.state == T_CANCELING || td->fsm.state == T_DISMISSING || td->fsm.state == T_PROBING)
        return connection_is_up(t->domain);
    /* The guest comes first; and one thing that cannot be closed is no reason to leave the rest. */
    if (td->fsm.state == T_CLOSING && connection_is_up(t->domain)) {
        if (!td->rescue && td->left.code == ERR_NONE && !is_gone_already(&t->wait_err))
            td->left = t->wait_err;
        return true;
    }
    if (td->fsm.state == T_SEALING && t->wait_err.code != ERR_TIMEOUT &&
        connection_is_up(t->domain)) {
        note_unsealed(td, &t->wait_err);
        return true;
    }
    *err = t->wait_err;
    err_wrap(err, td->fsm.state == T_CONTINUING ? "continue the guest" : "close the images");
    return false;
}

/* A state that works on a list: true while suspended. */
static bool work(struct tend *td, struct task *t, struct err *err)
{
    if (td->next > 0 && t->wait_err.code != ERR_NONE && !tolerate(td, t, err)) {
        fsm_move(&td->fsm, T_DONE);
        return false;
    }
    return do_next(td, t);
}

static bool look(struct tend *td, struct task *t, struct err *err)
{
    switch (look_step(&td->look, t, err)) {
    case LOOK_WAITING:
        return true;
    case LOOK_DONE:
        decide(td, t, err);
        if (td->fsm.state == T_WAITING)
            task_sleep(t, LOOK_AGAIN_S);
        return td->fsm.state == T_WAITING || (td->fsm.state == T_SYNCING && td->syncing);
    case LOOK_FAILED:
        fsm_move(&td->fsm, T_DONE);
        return false;
    }
    return false;
}

static bool move_and_look(struct tend *td, struct task *t)
{
    fsm_move(&td->fsm, T_LOOKING);
    look_start(&td->look, t, VIEW_JOBS);
    return true;
}

/* A state that works on a list, and where it leads.  True: suspended. */
static bool work_to(struct tend *td, struct task *t, struct err *err, enum tend_state next)
{
    if (work(td, t, err))
        return true;
    if (td->fsm.state != T_DONE)
        fsm_move(&td->fsm, (int)next);
    return false;
}

static bool continue_guest(struct tend *td, struct task *t)
{
    todo_clear(td);
    if (!td->rescue)
        return false;
    td->next = 1; /* its answer counts */
    td->rescue = false;
    task_call(t, command_plain("cont"));
    return true;
}

/* What the guest has written goes to its disks before QEMU takes the gates away.  Errors there are
 * the guest's affair; but a disk that hangs would hang in QEMU, too.  True: suspended. */
static bool flush_disks(struct tend *td, struct task *t)
{
    if (td->flushing && t->wait_err.code != ERR_TIMEOUT)
        t->wait_err = ERR_INIT;
    if (td->flushing || t->wait_err.code != ERR_NONE || td->disks.n == 0)
        return false;
    td->flushing = true;
    files_sync(t, &td->disks);
    return true;
}

/* True: suspended. */
static bool synced(struct tend *td, struct task *t, struct err *err)
{
    bool good = td->goal == TEND_STATS && td->stats.state == HVJOB_COMPLETED;

    if (td->syncing && !td->touched && t->wait_err.code == ERR_NONE) {
        td->touched = true;
        files_sync(t, &td->files);
        return true;
    }
    if (flush_disks(td, t))
        return true;
    if (t->wait_err.code == ERR_NONE || (!good && t->wait_err.code != ERR_TIMEOUT)) {
        fsm_move(&td->fsm, T_SEALING);
    } else if (good && !td->flushing) {
        note_unsealed(td, &t->wait_err);
        enter_closing(td);
    } else {
        *err = t->wait_err;
        err_wrap(err, "close what the backup used");
        fsm_move(&td->fsm, T_DONE);
    }
    return false;
}

/* The list is through.  False: not all could be closed. */
static bool closed(struct tend *td, struct err *err)
{
    if (td->fsm.state == T_DONE)
        return false;
    if (td->left.code != ERR_NONE) {
        *err = td->left;
        err_wrap(err, "close what the backup used");
        fsm_move(&td->fsm, T_DONE);
        return false;
    }
    fsm_move(&td->fsm, T_CONTINUING);
    return true;
}

static void continued(struct tend *td, struct task *t, struct err *err)
{
    if (td->next > 0 && t->wait_err.code != ERR_NONE) {
        tolerate(td, t, err);
        fsm_move(&td->fsm, T_DONE);
        return;
    }
    fsm_move(&td->fsm, T_DISMISSING);
    list_dismissals(td);
}

bool tend_step(struct tend *td, struct task *t, struct err *err)
{
    for (;;) {
        switch ((enum tend_state)td->fsm.state) {
        case T_START:
        case T_WAITING:
            return move_and_look(td, t);
        case T_LOOKING:
            if (look(td, t, err))
                return true;
            continue;
        case T_CANCELING:
            if (work_to(td, t, err, T_WAITING))
                return true;
            continue;
        case T_PROBING:
            if (work_to(td, t, err, T_DONE))
                return true;
            continue;
        case T_SYNCING:
            if (synced(td, t, err))
                return true;
            continue;
        case T_SEALING:
            if (work(td, t, err))
                return true;
            if (td->fsm.state != T_DONE)
                enter_closing(td);
            continue;
        case T_CLOSING:
            if (work(td, t, err))
                return true;
            if (closed(td, err) && continue_guest(td, t))
                return true;
            continue;
        case T_CONTINUING:
            continued(td, t, err);
            continue;
        case T_DISMISSING:
            if (work_to(td, t, err, T_DONE))
                return true;
            continue;
        case T_DONE:
            /* The guest still waits to be continued: whoever looks next tries again. */
            if (td->rescue)
                t->domain->given_up_tag[0] = '\0';
            return false;
        }
    }
}

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
 *   same.  Before that, a child process of ours syncs the files (syncing): QEMU would do it with
 *   its main lock held, and the guest would stand still for as long as it takes.  Files that hang
 *   are not closed at all until they answer (files.h).
 * - A pull runs for as long as its server does.  Its probes (begin_serve.c) are made again whenever
 *   somebody asks (probing), and once more before it ends.  Ended, it leaves nothing behind.
 * - A peer over NBD that hangs would keep its job, and whatever waits for the disk, for ever: when
 *   a job is to end, its connection is cut first; and before it is closed, for QEMU writes out what
 *   is left in its main loop, and the guest would stand still.
 * - The guest's safety.  An unshielded copy can stop the guest: blockdev-backup keeps what the
 *   guest is about to overwrite, and when the target takes it no more, the guest's write fails and
 *   QEMU stops the guest (status io-error).  Then the jobs are given up, their nodes closed, and
 *   the guest is continued, once a tag.  A guest that is paused for any other reason is left alone.
 */
#include "engine/qmp/tend/reap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/look/files.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/offline/offline.h"

#define WAIT_S 30.0                        /* for jobs to end after a cancel */
#define LOOK_AGAIN_S 1.0                   /* should an event be lost */
#define CANCELED_TEXT "Operation canceled" /* strerror(ECANCELED): the error of a cancelled job */

enum reap_state {
    R_START,
    R_LOOKING,
    R_CANCELING,
    R_WAITING,
    R_PROBING,
    R_SYNCING,
    R_SEALING,
    R_CLOSING,
    R_CONTINUING,
    R_DISMISSING,
    R_DONE,
};

#define TO(s) FSM_BIT(R_##s)
static const struct fsm_state states[] = {
    [R_START] = {"start", TO(LOOKING) | TO(DONE)},
    [R_LOOKING] = {"looking", TO(CANCELING) | TO(WAITING) | TO(PROBING) | TO(SYNCING) | TO(DONE)},
    [R_CANCELING] = {"canceling", TO(WAITING) | TO(DONE)},
    [R_WAITING] = {"waiting", TO(LOOKING) | TO(DONE)},
    [R_PROBING] = {"probing", TO(DONE)},
    [R_SYNCING] = {"syncing", TO(SEALING) | TO(CLOSING) | TO(DONE)},
    [R_SEALING] = {"sealing", TO(CLOSING) | TO(DONE)},
    [R_CLOSING] = {"closing", TO(CONTINUING) | TO(DONE)},
    [R_CONTINUING] = {"continuing", TO(DISMISSING) | TO(DONE)},
    [R_DISMISSING] = {"dismissing", TO(DONE)},
    [R_DONE] = {"done", 0},
};

void reap_init(struct reap *r, enum reap_goal goal, const char *tag)
{
    *r = (struct reap){.goal = goal, .fsm = {.states = states, .state = R_START}};
    snprintf(r->tag, sizeof(r->tag), "%s", tag ? tag : "");
}

static void todo_clear(struct reap *r)
{
    for (size_t i = r->next; i < r->todo.n; i++)
        json_decref(r->todo.items[i].args);
    free(r->todo.items);
    r->todo.items = NULL;
    r->todo.n = r->todo.cap = r->next = 0;
}

void reap_todo(struct reap *r, struct command command)
{
    *VEC_ADD(&r->todo) = command;
}

void reap_done(struct reap *r)
{
    look_done(&r->look);
    todo_clear(r);
    strlist_done(&r->files);
}

/* ---- what the look has shown ---- */

static void find_tag(struct reap *r)
{
    for (size_t i = 0; i < r->look.view.jobs.n && !*r->tag; i++)
        job_id_parse(r->look.view.jobs.items[i].id, r->tag, NULL);
}

static bool has_node(const struct reap *r, enum node_role role)
{
    for (size_t i = 0; i < r->look.view.nodes.n; i++)
        if (node_name_is(r->look.view.nodes.items[i].name, r->tag, role))
            return true;
    return false;
}

/* A copy's read error, of a snapshot that is broken. */
static bool is_snapshot_broken(const struct reap *r, const char *error)
{
    return has_node(r, NODE_CBW) && strcmp(error, strerror(EACCES)) == 0;
}

/* The first error that is not a mere consequence of another (the others are cancelled then). */
static void note_error(struct reap *r, const struct view_job *job)
{
    struct hv_job_stats *stats = &r->stats;
    CLEANUP_FREE char *disk = NULL;
    bool canceled = strcmp(job->error, CANCELED_TEXT) == 0;

    if (stats->err.code != ERR_NONE && (canceled || stats->err.code != ERR_CANCELED))
        return;
    job_id_parse(job->id, NULL, &disk);
    if (is_snapshot_broken(r, job->error))
        err_set(&stats->err, ERR_NOSPACE,
                "the scratch space is full or too slow, and the snapshot was given up");
    else
        err_set(&stats->err, canceled ? ERR_CANCELED : qmp_error_code(job->error), "%s",
                job->error);
    err_wrap(&stats->err, "disk %s", disk);
}

static void sum_up_scratch(struct reap *r)
{
    const struct view *v = &r->look.view;

    for (size_t i = 0; i < v->nodes.n; i++) {
        if (!node_name_is(v->nodes.items[i].name, r->tag, NODE_SCRATCH))
            continue;
        r->stats.temp_used += v->nodes.items[i].used;
        r->stats.temp_total += v->nodes.items[i].size;
    }
}

/* Exports that are there; a pull without any has been robbed of them. */
static size_t count_exports(const struct reap *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->look.view.exports.n; i++)
        n += node_name_is(r->look.view.exports.items[i], r->tag, NODE_TARGET);
    return n;
}

/* Of the tag's jobs: how many there are; *running: have not ended. */
static size_t sum_up_jobs(struct reap *r, size_t *running)
{
    const struct view *v = &r->look.view;
    struct hv_job_stats *stats = &r->stats;
    size_t jobs = 0;

    for (size_t i = 0; i < v->jobs.n; i++) {
        const struct view_job *job = &v->jobs.items[i];

        if (!job_id_has_tag(job->id, r->tag))
            continue;
        jobs++;
        *running += !job->concluded;
        if (stats->mode == MODE_PUSH) {
            stats->bytes_done += job->done;
            stats->bytes_total += job->total;
        }
        if (job->error)
            note_error(r, job);
    }
    return jobs;
}

static void sum_up(struct reap *r, struct domain *d)
{
    struct hv_job_stats *stats = &r->stats;
    bool pull = has_node(r, NODE_SERVER_MARK);
    size_t jobs, running = 0;

    *stats = (struct hv_job_stats){.state = HVJOB_NONE, .mode = pull ? MODE_PULL : MODE_PUSH};
    jobs = sum_up_jobs(r, &running);
    if (!jobs && !pull)
        return;
    sum_up_scratch(r);
    memcpy(stats->tag, r->tag, sizeof(stats->tag));
    if (pull && stats->err.code == ERR_NONE && !r->canceled && count_exports(r) == 0)
        err_set(&stats->err, ERR_REMOTE, "the exports are gone: somebody has ended them");
    if (stats->err.code != ERR_NONE && strcmp(d->given_up_tag, r->tag) == 0)
        stats->err = d->given_up_why;
    offline_judge(d, running > 0 || (pull && !r->canceled), &stats->err);
    if (running || (pull && stats->err.code == ERR_NONE && !r->canceled))
        stats->state = HVJOB_RUNNING;
    else if (stats->err.code == ERR_NONE || (pull && stats->err.code == ERR_CANCELED))
        stats->state = HVJOB_COMPLETED;
    else
        stats->state = stats->err.code == ERR_CANCELED ? HVJOB_CANCELED : HVJOB_FAILED;
}

/* Is the guest stopped, and by our doing?  Says so once a tag: should its disks be full themselves,
 * continuing it again and again would help nobody. */
static void judge_guest(struct reap *r, struct domain *d)
{
    bool ours = r->stats.state == HVJOB_RUNNING || r->stats.state == HVJOB_FAILED ||
                r->stats.state == HVJOB_CANCELED;

    if (!ours || has_node(r, NODE_GATE) || !str_eq(r->look.view.status, "io-error") ||
        strcmp(d->given_up_tag, r->tag) == 0)
        return;
    r->rescue = true;
    memcpy(d->given_up_tag, r->tag, sizeof(d->given_up_tag));
    err_set(&d->given_up_why, qmp_error_code(d->io_error),
            "the guest was stopped by an I/O error%s%s%s during the backup; the backup was given up"
            " and the guest continued",
            *d->io_error ? " (" : "", d->io_error, *d->io_error ? ")" : "");
    if (r->stats.state != HVJOB_RUNNING) {
        r->stats.state = HVJOB_FAILED;
        r->stats.err = d->given_up_why;
    }
}

/* ---- lists of things to do, one command each ---- */

static bool is_ours(const struct reap *r, const struct view_job *job, bool concluded)
{
    return job_id_has_tag(job->id, r->tag) && job->concluded == concluded;
}

/* Probes that have found nothing are made again. */
static void list_probes(struct reap *r)
{
    const struct view *v = &r->look.view;
    char window[NODE_NAME_MAX], sink[NODE_NAME_MAX];

    todo_clear(r);
    for (size_t i = 0; has_node(r, NODE_WINDOW) && i < v->jobs.n; i++) {
        const struct view_job *job = &v->jobs.items[i];

        if (!is_ours(r, job, true) || job->error)
            continue;
        node_name(window, r->tag, job_id_index(job->id), NODE_WINDOW);
        node_name(sink, r->tag, job_id_index(job->id), NODE_SINK);
        reap_todo(r, command_job_dismiss(job->id));
        reap_todo(r, command_backup(job->id, window, sink));
    }
}

/* An NBD peer over TCP.  QEMU 7.2 does not notice it on a Unix socket that it waits to write to,
 * and spins instead. */
static bool can_be_cut(const struct view_node *node)
{
    return str_eq(node->driver, "nbd") && node->file && starts_with(node->file, "nbd://");
}

static void cut_peers(struct reap *r)
{
    const struct view *v = &r->look.view;

    for (size_t i = 0; i < v->nodes.n; i++)
        if (node_name_is(v->nodes.items[i].name, r->tag, NODE_TARGET_FILE) &&
            can_be_cut(&v->nodes.items[i]))
            reap_todo(r, command_yank(v->nodes.items[i].name));
}

static void list_cancels(struct reap *r)
{
    const struct view *v = &r->look.view;

    list_probes(r);
    cut_peers(r);
    for (size_t i = 0; !has_node(r, NODE_WINDOW) && i < v->jobs.n; i++)
        if (is_ours(r, &v->jobs.items[i], false))
            reap_todo(r, command_job_cancel(v->jobs.items[i].id));
}

/* Which jobs QEMU may forget: all when they are let go; of a pull that is over, the good ones. */
static void list_dismissals(struct reap *r)
{
    const struct view *v = &r->look.view;
    bool pull = r->stats.mode == MODE_PULL && r->goal == REAP_ABORT;

    todo_clear(r);
    for (size_t i = 0; i < v->jobs.n; i++)
        if (is_ours(r, &v->jobs.items[i], true) &&
            (r->goal == REAP_FORGET || (pull && r->stats.state == HVJOB_COMPLETED)))
            reap_todo(r, command_job_dismiss(v->jobs.items[i].id));
}

/* An encrypted image needs it to be opened again. */
const char *reap_secret(const struct reap *r, size_t i)
{
    const struct strlist *objects = &r->look.view.objects;
    char id[OBJECT_ID_MAX], what[16];

    snprintf(what, sizeof(what), "k%zu", i);
    object_id(id, r->tag, what);
    for (size_t k = 0; k < objects->n; k++)
        if (strcmp(objects->items[k], id) == 0)
            return objects->items[k];
    return NULL;
}

static void list_seals(struct reap *r)
{
    const struct view *v = &r->look.view;
    char file[NODE_NAME_MAX];
    size_t disk;

    for (size_t i = 0; i < v->nodes.n; i++) {
        if (!node_name_is(v->nodes.items[i].name, r->tag, NODE_TARGET))
            continue;
        node_name_parse(v->nodes.items[i].name, NULL, &disk, NULL);
        node_name(file, r->tag, disk, NODE_TARGET_FILE);
        reap_todo(r, command_seal(v->nodes.items[i].name, file, v->nodes.items[i].driver,
                                  reap_secret(r, disk)));
    }
}

/* Sends the next command of the state's list. False: there is none left. */
static bool do_next(struct reap *r, struct task *t)
{
    if (r->next == r->todo.n)
        return false;
    task_call(t, r->todo.items[r->next++]);
    return true;
}

/* ---- the machine ---- */

/* The files that are going to be closed. */
static void list_files(struct reap *r)
{
    static const enum node_role roles[] = {NODE_TARGET_FILE, NODE_SCRATCH_FILE, NODE_SINK_FILE};
    const struct view *v = &r->look.view;

    for (size_t i = 0; i < v->nodes.n; i++)
        for (size_t k = 0; k < ARRAY_LEN(roles); k++)
            if (node_name_is(v->nodes.items[i].name, r->tag, roles[k]) && v->nodes.items[i].file)
                strlist_add(&r->files, v->nodes.items[i].file);
}

static void enter_syncing(struct reap *r, struct task *t)
{
    fsm_move(&r->fsm, R_SYNCING);
    todo_clear(r);
    strlist_done(&r->files);
    r->files = (struct strlist){0};
    if (r->goal == REAP_STATS && r->stats.state == HVJOB_COMPLETED)
        list_seals(r);
    if (r->goal != REAP_TEND || r->rescue)
        list_files(r);
    t->wait_err = ERR_INIT;
    r->touched = false;
    r->syncing = r->files.n > 0;
    if (r->syncing)
        files_touch(t, &r->files);
}

static void enter_closing(struct reap *r)
{
    fsm_move(&r->fsm, R_CLOSING);
    todo_clear(r);
    if ((r->goal == REAP_TEND && !r->rescue) || r->unsealed)
        return;
    /* What is written to it is worth nothing: closing it must not wait for the peer. */
    if (r->stats.state != HVJOB_COMPLETED && r->stats.state != HVJOB_NONE)
        cut_peers(r);
    reap_list_close(r);
}

/* A job that goes on: asked to end, waited for, or left alone. */
static void decide_on_running(struct reap *r, struct task *t, bool failed, struct err *err)
{
    double now = ev_now(t->domain->owner->loop);

    if (!r->canceled && (r->goal == REAP_ABORT || r->rescue || failed)) {
        r->canceled = true;
        r->deadline = now + WAIT_S;
        fsm_move(&r->fsm, R_CANCELING);
        list_cancels(r);
    } else if (r->canceled && now < r->deadline) {
        fsm_move(&r->fsm, R_WAITING);
    } else if (r->goal == REAP_STATS && r->stats.mode == MODE_PULL && !r->canceled) {
        fsm_move(&r->fsm, R_PROBING);
        list_probes(r);
    } else {
        if (r->goal == REAP_FORGET)
            err_set(err, ERR_BUSY, "backup job %s still runs", r->tag);
        else if (r->canceled)
            err_set(err, ERR_TIMEOUT, "backup job %s did not end within %.0f s of its cancelling",
                    r->tag, WAIT_S);
        fsm_move(&r->fsm, R_DONE);
    }
}

/* What to do about what was seen. *err: the end. */
static void decide(struct reap *r, struct task *t, struct err *err)
{
    bool failed;

    find_tag(r);
    sum_up(r, t->domain);
    failed = r->stats.err.code != ERR_NONE;
    judge_guest(r, t->domain);
    if (r->stats.state == HVJOB_RUNNING) {
        decide_on_running(r, t, failed, err);
        return;
    }
    if (r->goal == REAP_TEND && r->stats.state != HVJOB_NONE)
        domain_raise(t->domain, HV_EVENT_JOB);
    enter_syncing(r, t);
}

static void note_unsealed(struct reap *r, const struct err *why)
{
    r->unsealed = true;
    r->stats.state = HVJOB_FAILED;
    r->stats.err = *why;
    err_wrap(&r->stats.err, "write out the images");
}

/* Somebody has stopped the NBD server, or a beginning broke off before it was started. */
static bool is_gone_already(const struct err *err)
{
    return strstr(err->msg, "NBD server not running") != NULL;
}

/* A command of the state's list has failed. True: go on with the list. */
static bool tolerate(struct reap *r, const struct task *t, struct err *err)
{
    /* A job may have ended before its cancelling, or have been dismissed: looking tells. */
    if (r->fsm.state == R_CANCELING || r->fsm.state == R_DISMISSING || r->fsm.state == R_PROBING)
        return connection_is_up(t->domain);
    /* The guest comes first; and one thing that cannot be closed is no reason to leave the rest. */
    if (r->fsm.state == R_CLOSING && connection_is_up(t->domain)) {
        if (!r->rescue && r->left.code == ERR_NONE && !is_gone_already(&t->wait_err))
            r->left = t->wait_err;
        return true;
    }
    if (r->fsm.state == R_SEALING && t->wait_err.code != ERR_TIMEOUT &&
        connection_is_up(t->domain)) {
        note_unsealed(r, &t->wait_err);
        return true;
    }
    *err = t->wait_err;
    err_wrap(err, r->fsm.state == R_CONTINUING ? "continue the guest" : "close the images");
    return false;
}

/* A state that works on a list: true while suspended. */
static bool work(struct reap *r, struct task *t, struct err *err)
{
    if (r->next > 0 && t->wait_err.code != ERR_NONE && !tolerate(r, t, err)) {
        fsm_move(&r->fsm, R_DONE);
        return false;
    }
    return do_next(r, t);
}

static bool look(struct reap *r, struct task *t, struct err *err)
{
    switch (look_step(&r->look, t, err)) {
    case LOOK_WAITING:
        return true;
    case LOOK_DONE:
        decide(r, t, err);
        if (r->fsm.state == R_WAITING)
            task_sleep(t, LOOK_AGAIN_S);
        return r->fsm.state == R_WAITING || (r->fsm.state == R_SYNCING && r->syncing);
    case LOOK_FAILED:
        fsm_move(&r->fsm, R_DONE);
        return false;
    }
    return false;
}

static bool move_and_look(struct reap *r, struct task *t)
{
    fsm_move(&r->fsm, R_LOOKING);
    look_start(&r->look, t, VIEW_JOBS);
    return true;
}

/* A state that works on a list, and where it leads.  True: suspended. */
static bool work_to(struct reap *r, struct task *t, struct err *err, enum reap_state next)
{
    if (work(r, t, err))
        return true;
    if (r->fsm.state != R_DONE)
        fsm_move(&r->fsm, (int)next);
    return false;
}

static bool continue_guest(struct reap *r, struct task *t)
{
    todo_clear(r);
    if (!r->rescue)
        return false;
    r->next = 1; /* its answer counts */
    r->rescue = false;
    task_call(t, command_plain("cont"));
    return true;
}

/* True: suspended. */
static bool synced(struct reap *r, struct task *t, struct err *err)
{
    bool good = r->goal == REAP_STATS && r->stats.state == HVJOB_COMPLETED;

    if (r->syncing && !r->touched && t->wait_err.code == ERR_NONE) {
        r->touched = true;
        files_sync(t, &r->files);
        return true;
    }
    if (t->wait_err.code == ERR_NONE || (!good && t->wait_err.code != ERR_TIMEOUT)) {
        fsm_move(&r->fsm, R_SEALING);
    } else if (good) {
        note_unsealed(r, &t->wait_err);
        enter_closing(r);
    } else {
        *err = t->wait_err;
        err_wrap(err, "close what the backup used");
        fsm_move(&r->fsm, R_DONE);
    }
    return false;
}

/* The list is through.  False: not all could be closed. */
static bool closed(struct reap *r, struct err *err)
{
    if (r->fsm.state == R_DONE)
        return false;
    if (r->left.code != ERR_NONE) {
        *err = r->left;
        err_wrap(err, "close what the backup used");
        fsm_move(&r->fsm, R_DONE);
        return false;
    }
    fsm_move(&r->fsm, R_CONTINUING);
    return true;
}

static void continued(struct reap *r, struct task *t, struct err *err)
{
    if (r->next > 0 && t->wait_err.code != ERR_NONE) {
        tolerate(r, t, err);
        fsm_move(&r->fsm, R_DONE);
        return;
    }
    fsm_move(&r->fsm, R_DISMISSING);
    list_dismissals(r);
}

bool reap_step(struct reap *r, struct task *t, struct err *err)
{
    for (;;) {
        switch ((enum reap_state)r->fsm.state) {
        case R_START:
        case R_WAITING:
            return move_and_look(r, t);
        case R_LOOKING:
            if (look(r, t, err))
                return true;
            continue;
        case R_CANCELING:
            if (work_to(r, t, err, R_WAITING))
                return true;
            continue;
        case R_PROBING:
            if (work_to(r, t, err, R_DONE))
                return true;
            continue;
        case R_SYNCING:
            if (synced(r, t, err))
                return true;
            continue;
        case R_SEALING:
            if (work(r, t, err))
                return true;
            if (r->fsm.state != R_DONE)
                enter_closing(r);
            continue;
        case R_CLOSING:
            if (work(r, t, err))
                return true;
            if (closed(r, err) && continue_guest(r, t))
                return true;
            continue;
        case R_CONTINUING:
            continued(r, t, err);
            continue;
        case R_DISMISSING:
            if (work_to(r, t, err, R_DONE))
                return true;
            continue;
        case R_DONE:
            /* The guest still waits to be continued: whoever looks next tries again. */
            if (r->rescue)
                t->domain->given_up_tag[0] = '\0';
            return false;
        }
    }
}

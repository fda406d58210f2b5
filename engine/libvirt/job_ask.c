/* SPDX-License-Identifier: MIT
 *
 * job_stats, abort_job, job_forget.  What was seen of the job counts first.  Else libvirt is asked
 * what runs: ours is what writes to our place, and nothing else is ever ended.  One on the images
 * of a domain that is shut off libvirt knows nothing of, and is not asked (images.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/libvirt/compare_place.h"
#include "engine/libvirt/images.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

#define ASK_S 40.0
#define END_S 60.0   /* a cancelled copy finishes what it has in hand */
#define EVENT_S 2.0  /* it comes a little later than the end */
#define BEGUN_S 10.0 /* a begin whose caller is gone */
#define WHY_S 10.0   /* that of QEMU's end, which explains it, seconds later on a busy machine */
#define AGAIN_S 0.2

struct job_ask {
    struct libvirt_task task; /* first */
    bool abort;
    bool aborted; /* it was asked for */
    bool resumed; /* the guest */
    char *tag, *place;
    struct hv_job_stats *ret;
    struct libvirt_job_answer figures;
    struct libvirt_text text;
    double until;   /* loop time: an end, or its event, is waited for */
    struct err err; /* the domain cannot be asked */
};

static void look(struct libvirt_task *t);
static void asked(struct libvirt_task *t);

static struct job_ask *of(struct libvirt_task *t)
{
    return (struct job_ask *)t;
}

static struct libvirt_job *known(const struct job_ask *a)
{
    return libvirt_job_find(a->task.host, a->task.domain, a->tag);
}

static void ask(struct job_ask *a, const char *what, const struct record *request, bool completed,
                const struct record *answer, void *ret, libvirt_step next)
{
    const struct libvirt_request q = {.completed = completed, .keep = completed};

    libvirt_task_request(&a->task, what, request, q, answer, ret, ASK_S, next);
}

/* ---- answers ---- */

static void answer_none(struct job_ask *a)
{
    if (a->ret)
        *a->ret = (struct hv_job_stats){0};
    libvirt_task_finish(&a->task, NULL);
}

static void fill_figures(const struct job_ask *a, struct hv_job_stats *ret)
{
    ret->bytes_done = a->figures.done;
    ret->bytes_total = a->figures.total;
    ret->temp_used = a->figures.temp_used;
    ret->temp_total = a->figures.temp_total;
}

static void answer_known(struct job_ask *a, struct libvirt_job *j)
{
    struct hv_job_stats ret = {.state = HVJOB_RUNNING, .mode = j->mode};

    snprintf(ret.tag, sizeof(ret.tag), "%s", a->tag);
    if (j->phase == LIBVIRT_JOB_ENDED) {
        ret.state = j->end;
        ret.err = j->why;
        ret.bytes_done = ret.bytes_total = j->total;
    } else {
        fill_figures(a, &ret);
        j->total = ret.bytes_total;
    }
    if (a->ret)
        *a->ret = ret;
    libvirt_task_finish(&a->task, NULL);
}

/* Whose those figures are nobody can say. */
static void completed(struct libvirt_task *t)
{
    static const struct {
        const char *word;
        enum hv_job_state state;
    } words[] = {
        {"completed", HVJOB_COMPLETED}, {"failed", HVJOB_FAILED}, {"canceled", HVJOB_CANCELED}};
    struct job_ask *a = of(t);

    if (t->err.code != ERR_NONE && t->err.code != ERR_UNSUPPORTED && t->err.code != ERR_NOTFOUND) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    *a->ret = (struct hv_job_stats){0};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (t->err.code == ERR_NONE && str_eq(a->figures.operation, "backup") &&
            str_eq(a->figures.state, words[i].word))
            a->ret->last = words[i].state;
    a->ret->last_ms = (int64_t)a->figures.elapsed_ms;
    libvirt_task_finish(t, NULL);
}

/* Until libvirt has let go of the domain the job has not ended for us.  A domain that does not run
 * any more has no file open. */
static bool is_settled(const struct libvirt_task *t)
{
    return t->err.code == ERR_NONE || t->err.code == ERR_NOTFOUND || t->err.code == ERR_UNSUPPORTED;
}

/* Nothing of ours runs, and no end of it was seen. */
static void answer_unseen(struct libvirt_task *t)
{
    struct job_ask *a = of(t);

    if (!is_settled(t)) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    if (a->abort) {
        answer_none(a);
        return;
    }
    record_done(&libvirt_answer_job, &a->figures);
    ask(a, "job", &libvirt_request_job, true, &libvirt_answer_job, &a->figures, completed);
}

static void look_for_it(struct job_ask *a)
{
    record_done(&libvirt_answer_job, &a->figures);
    ask(a, "job", &libvirt_request_job, false, &libvirt_answer_job, &a->figures, asked);
}

static void settled(struct libvirt_task *t)
{
    struct job_ask *a = of(t);
    struct libvirt_job *j = known(a);

    if (!is_settled(t)) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    if (j && j->told) {
        look_for_it(a);
        return;
    }
    if (j)
        j->settled = true;
    look(t);
}

static void settle(struct job_ask *a, libvirt_step next)
{
    ask(a, "settle", &libvirt_request_domain, false, NULL, NULL, next);
}

/* ---- asking ---- */

/* True: suspended, for as long from now on. */
static bool wait_for_event(struct job_ask *a, double seconds)
{
    struct libvirt_task *t = &a->task;

    if (a->until <= 0.0)
        a->until = ev_now(t->host->loop) + seconds;
    if (ev_now(t->host->loop) >= a->until)
        return false;
    libvirt_task_sleep(t, AGAIN_S, look);
    return true;
}

/* It has ended as was told; libvirt had let go of the domain before it was asked. */
static void believe(struct job_ask *a, struct libvirt_job *j)
{
    a->until = 0.0;
    j->settled = true;
    libvirt_job_end_as_told(a->task.host, j);
    if (known(a))
        look(&a->task);
    else
        answer_unseen(&a->task);
}

/* No backup of ours runs: its event is waited for, for a moment. */
static void runs_not(struct job_ask *a)
{
    struct libvirt_task *t = &a->task;
    struct libvirt_job *j = known(a);

    if (j && j->told) {
        believe(a, j);
        return;
    }
    if (j && wait_for_event(a, EVENT_S))
        return;
    /* Who was to continue the guest has been cut off, perhaps. */
    if (a->figures.stopped && !a->resumed && t->err.code == ERR_NONE) {
        a->resumed = true;
        ask(a, "resume", &libvirt_request_domain, false, NULL, NULL, look);
        return;
    }
    if (j && a->aborted)
        libvirt_job_ended_by_us(t->host, j);
    else
        libvirt_job_drop(t->host, j);
    settle(a, answer_unseen);
}

static void aborting(struct libvirt_task *t)
{
    struct job_ask *a = of(t);

    if (t->err.code != ERR_NONE && t->err.code != ERR_NOTFOUND) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    a->aborted = true;
    a->until = ev_now(t->host->loop) + END_S;
    look(t);
}

/* By its place; or by its tag, of one that only compares. */
static bool is_ours(const struct job_ask *a, const struct libvirt_running *r)
{
    CLEANUP_FREE char *tag = r->disks.n > 0 ? libvirt_compare_tag(r->disks.items[0].path) : NULL;

    return libvirt_running_is(r, a->place) || str_eq(tag, a->tag);
}

/* It runs, and is ours. */
static void runs(struct job_ask *a, struct libvirt_job *j)
{
    struct libvirt_task *t = &a->task;
    struct err err = ERR_INIT;

    if (a->figures.stopped)
        libvirt_guard_stopped(t->host, t->domain, NULL);
    if (j->told && !a->aborted && wait_for_event(a, AGAIN_S))
        return;
    j->told = false; /* it was the end of what was there before */
    if (!a->abort) {
        answer_known(a, j);
    } else if (!a->aborted) {
        j->ending = true;
        ask(a, "job-abort", &libvirt_request_domain, false, NULL, NULL, aborting);
    } else if (ev_now(t->host->loop) < a->until) {
        libvirt_task_sleep(t, AGAIN_S, look);
    } else {
        err_set(&err, ERR_TIMEOUT, "the job was cancelled, and has not ended within %.0f s", END_S);
        libvirt_task_finish(t, &err);
    }
}

static void described(struct libvirt_task *t)
{
    struct job_ask *a = of(t);
    const struct hv_job job = {t->domain, a->tag, a->place};
    struct libvirt_running running = {0};
    struct libvirt_job *j = known(a);
    struct err err = ERR_INIT;
    bool ours;

    if (j && j->phase == LIBVIRT_JOB_ENDED) {
        look(t);
        return;
    }
    if (t->err.code == ERR_NOTFOUND) { /* it has ended meanwhile */
        runs_not(a);
        return;
    }
    if (t->err.code != ERR_NONE) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    /* Of a kind that we do not write, it is not ours. */
    ours = libvirt_running_read(a->text.xml, &running, &err) == 0 && is_ours(a, &running);
    if (j && ours) {
        runs(a, j);
    } else if (j) {
        runs_not(a);
    } else if (ours) {
        libvirt_guard_start(t->host,
                            libvirt_job_add(t->host, &job, LIBVIRT_JOB_RUNS, running.mode));
        libvirt_guard_weigh(t->host, t->domain);
        runs(a, known(a));
    } else {
        answer_none(a);
    }
    libvirt_running_done(&running);
}

static void asked(struct libvirt_task *t)
{
    struct job_ask *a = of(t);
    struct libvirt_job *j = known(a);

    if (j && j->phase == LIBVIRT_JOB_ENDED) {
        look(t);
        return;
    }
    if (t->err.code == ERR_NOTFOUND || t->err.code == ERR_UNSUPPORTED) { /* gone, or shut off */
        runs_not(a);
    } else if (t->err.code != ERR_NONE) {
        libvirt_task_finish(t, &t->err);
    } else if (str_eq(a->figures.operation, "backup-begins") &&
               wait_for_event(a, BEGUN_S)) { /* nobody is told yet where it writes */
        return;
    } else if (!str_eq(a->figures.operation, "backup")) {
        runs_not(a);
    } else if (j && j->phase == LIBVIRT_JOB_RUNS && !j->told) {
        runs(a, j);
    } else if (j && !j->told) { /* it is being begun */
        libvirt_task_sleep(t, AGAIN_S, look);
    } else {
        record_done(&libvirt_answer_xml, &a->text);
        ask(a, "backup-xml", &libvirt_request_domain, false, &libvirt_answer_xml, &a->text,
            described);
    }
}

static void look(struct libvirt_task *t)
{
    struct job_ask *a = of(t);
    struct libvirt_job *j = known(a);

    if (t->canceled) {
        libvirt_task_finish(t, &t->err);
    } else if (j && j->phase == LIBVIRT_JOB_ENDED && !j->settled && a->err.code == ERR_NONE) {
        settle(a, settled);
    } else if (j && j->phase == LIBVIRT_JOB_ENDED && !j->settled && a->err.code != ERR_NOTFOUND) {
        libvirt_task_finish(t, &a->err);
    } else if (j && j->phase == LIBVIRT_JOB_ENDED) {
        if (a->abort)
            answer_none(a);
        else if (!j->unexplained || !wait_for_event(a, WHY_S))
            answer_known(a, j);
    } else if (j && j->told && a->err.code == ERR_NOTFOUND) {
        believe(a, j);
    } else if (a->err.code == ERR_NOTFOUND) { /* the domain is gone, and the job with it */
        answer_none(a);
    } else if (a->err.code != ERR_NONE) {
        libvirt_task_finish(t, &a->err);
    } else if (j && j->told) {
        settle(a, settled);
    } else {
        look_for_it(a);
    }
}

/* ---- */

static void release(struct libvirt_task *t)
{
    struct job_ask *a = of(t);

    record_done(&libvirt_answer_job, &a->figures);
    record_done(&libvirt_answer_xml, &a->text);
    free(a->tag);
    free(a->place);
    free(a);
}

static struct op *start(struct hypervisor *hv, const struct hv_job *job, bool abort,
                        struct hv_job_stats *ret, op_done done, void *ctx)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    struct job_ask *a = xcalloc(1, sizeof(*a));
    const struct libvirt_domain *d = libvirt_host_domain(h, job->domain, &a->err);

    a->abort = abort;
    a->tag = xstrdup(job->tag);
    a->place = xstrdup(job->place);
    a->ret = ret;
    if (!d)
        a->task.domain = xstrdup(job->domain);
    return libvirt_task_start(h, &a->task, d, look, release, done, ctx);
}

struct op *libvirt_job_stats(struct hypervisor *hv, const struct hv_job *job,
                             struct hv_job_stats *ret, op_done done, void *ctx, struct err *err)
{
    struct hypervisor *images = libvirt_images_with(libvirt_host_of(hv), job);

    if (images)
        return images->ops->job_stats(images, job, ret, done, ctx, err);
    return start(hv, job, false, ret, done, ctx);
}

struct op *libvirt_abort_job(struct hypervisor *hv, const struct hv_job *job, op_done done,
                             void *ctx, struct err *err)
{
    struct hypervisor *images = libvirt_images_with(libvirt_host_of(hv), job);

    if (images)
        return images->ops->abort_job(images, job, done, ctx, err);
    return start(hv, job, true, NULL, done, ctx);
}

static void forget(struct libvirt_task *t)
{
    struct job_ask *a = of(t);

    libvirt_job_drop(t->host, known(a));
    if (t->uuid && t->host->local)
        libvirt_compare_remove(t->uuid, a->tag);
    libvirt_task_finish(t, NULL);
}

struct op *libvirt_job_forget(struct hypervisor *hv, const struct hv_job *job, op_done done,
                              void *ctx, struct err *err)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    struct hypervisor *images = libvirt_images_with(h, job);
    const struct libvirt_domain *d;
    struct job_ask *a;

    if (images)
        return images->ops->job_forget(images, job, done, ctx, err);
    a = xcalloc(1, sizeof(*a));
    d = libvirt_host_domain(h, job->domain, &a->err);
    a->tag = xstrdup(job->tag);
    if (!d)
        a->task.domain = xstrdup(job->domain);
    return libvirt_task_start(h, &a->task, d, forget, release, done, ctx);
}

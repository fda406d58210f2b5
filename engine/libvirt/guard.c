/* SPDX-License-Identifier: MIT
 *
 * The guest, while a backup of ours runs.  Libvirt has nothing between guest and copy: a write to
 * what is not copied yet waits until that is copied, into the target of a push or the scratch space
 * of a pull, and fails when it cannot be.  By libvirt's defaults the guest is stopped then, before
 * it has seen anything of it: the job is cancelled at once, and the guest goes on; it writes again
 * what it could not.
 *
 * Not to come to that: the space that is left where the job writes is looked at by the clock, and
 * whenever QEMU tells that an image has grown past a mark, which is set anew at each look to what
 * half the space that is left allows.
 *
 * What a push writes to is written out meanwhile (engine/writing.h): QEMU flushes it at its end,
 * and by then little of it is to be left in memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

#define ASK_S 40.0
#define CLOCK_S 5.0
#define LOOK_S 20.0
#define AGAIN_S 0.1
#define END_S 60.0
#define FLOOR (UINT64_C(64) << 20)
#define FLOOR_PART 50 /* of the file system, if that is less */

struct guard {
    struct libvirt_task task; /* first */
    char *tag;
    struct libvirt_text text;
    struct libvirt_running running;
    struct file_list places;
    size_t next; /* of the running job's disks, whose mark is set */
    struct libvirt_job_answer figures;
    double until; /* loop time */
};

static struct guard *of(struct libvirt_task *t)
{
    return (struct guard *)t;
}

static struct libvirt_job *job_of(const struct guard *g)
{
    struct libvirt_job *j = libvirt_job_find(g->task.host, g->task.domain, g->tag);

    return j && j->phase == LIBVIRT_JOB_RUNS ? j : NULL;
}

static void release(struct libvirt_task *t)
{
    struct guard *g = of(t);

    record_done(&libvirt_answer_xml, &g->text);
    record_done(&libvirt_answer_job, &g->figures);
    libvirt_running_done(&g->running);
    file_list_done(&g->places);
    free(g->tag);
    free(g);
}

static void ask(struct guard *g, const char *what, const struct record *request,
                struct libvirt_request q, const struct record *answer, void *ret, libvirt_step next)
{
    libvirt_task_request(&g->task, what, request, q, answer, ret, ASK_S, next);
}

static void start(struct libvirt_host *h, struct libvirt_job *j, libvirt_step first)
{
    struct err err = ERR_INIT;
    const struct libvirt_domain *d = libvirt_host_domain(h, j->domain, &err);
    struct guard *g;

    if (!d)
        return;
    g = xcalloc(1, sizeof(*g));
    g->tag = xstrdup(j->tag);
    libvirt_task_start(h, &g->task, d, first, release, NULL, NULL);
}

/* ---- giving up the job, for the guest ---- */

static void resumed(struct libvirt_task *t)
{
    if (t->err.code == ERR_NONE)
        log_notice("libvirt: %s: the guest goes on; the backup that stopped it was given up",
                   t->domain);
    else
        log_error(
            "libvirt: %s: the guest was stopped by an I/O error during a backup, and cannot be "
            "continued: %s",
            t->domain, t->err.msg);
    libvirt_host_tell(t->host, HV_EVENT_JOB, t->domain);
    libvirt_task_finish(t, NULL);
}

static void look_whether_gone(struct libvirt_task *t);

static void gone(struct libvirt_task *t)
{
    struct guard *g = of(t);
    bool runs = t->err.code == ERR_NONE && str_eq(g->figures.operation, "backup");

    if (runs && ev_now(t->host->loop) < g->until)
        libvirt_task_sleep(t, AGAIN_S, look_whether_gone);
    else if (g->figures.stopped)
        ask(g, "resume", &libvirt_request_domain, (struct libvirt_request){0}, NULL, NULL, resumed);
    else
        libvirt_task_finish(t, NULL);
}

static void look_whether_gone(struct libvirt_task *t)
{
    struct guard *g = of(t);

    record_done(&libvirt_answer_job, &g->figures);
    ask(g, "job", &libvirt_request_job, (struct libvirt_request){0}, &libvirt_answer_job,
        &g->figures, gone);
}

static void give_up_now(struct libvirt_task *t)
{
    of(t)->until = ev_now(t->host->loop) + END_S;
    t->steady = true;
    ask(of(t), "job-abort", &libvirt_request_domain, (struct libvirt_request){0}, NULL, NULL,
        look_whether_gone);
}

void libvirt_guard_stopped(struct libvirt_host *h, const char *domain, const char *reason)
{
    struct libvirt_job *j = h->jobs ? h->jobs->first : NULL;
    bool full = str_eq(reason, "enospc");

    while (j && (strcmp(j->domain, domain) != 0 || j->phase != LIBVIRT_JOB_RUNS))
        j = j->next;
    if (!j)
        return;
    if (j->given_up.code == ERR_NONE || full)
        err_set(
            &j->given_up, full ? ERR_NOSPACE : ERR_IO,
            "an I/O error%s stopped the guest during the copy: the backup was given up, and the "
            "guest goes on",
            full ? " (no space left)" : "");
    if (j->rescuing)
        return;
    j->rescuing = true;
    log_warning("libvirt: %s: an I/O error%s stopped the guest during a backup: it is given up",
                domain, full ? " (no space left)" : "");
    start(h, j, give_up_now);
}

/* ---- space ---- */

static void next_mark(struct libvirt_task *t);

static const struct file_fact *place_of(const struct guard *g, const struct libvirt_running_disk *d)
{
    const struct file_fact *f = d->path ? file_find_named(&g->places, d->path) : NULL;

    return f && !f->missing && !f->unreadable && f->space_total > 0 ? f : NULL;
}

static bool runs_out(const struct file_fact *f)
{
    uint64_t floor = f->space_total / FLOOR_PART < FLOOR ? f->space_total / FLOOR_PART : FLOOR;

    return f->space_free < floor;
}

/* Marks may be refused, for an image that libvirt does not know by its number, say: then there is
 * the clock. */
static void set_mark(struct guard *g, const struct libvirt_running_disk *d,
                     const struct file_fact *f)
{
    CLEANUP_FREE char *name = xasprintf("%s[%d]", d->name, d->index);

    ask(g, "threshold", &libvirt_request_disk,
        (struct libvirt_request){.disk = name, .bytes = f->end + f->space_free / 2}, NULL, NULL,
        next_mark);
}

static void next_mark(struct libvirt_task *t)
{
    struct guard *g = of(t);

    while (g->next < g->running.disks.n && !t->canceled && job_of(g)) {
        const struct libvirt_running_disk *d = &g->running.disks.items[g->next++];
        const struct file_fact *f = place_of(g, d);

        if (f && d->index > 0) {
            set_mark(g, d, f);
            return;
        }
    }
    libvirt_task_finish(t, NULL);
}

static void weighed(struct libvirt_task *t)
{
    struct guard *g = of(t);
    struct libvirt_job *j = job_of(g);

    for (size_t i = 0; j && t->err.code == ERR_NONE && i < g->running.disks.n; i++) {
        const struct libvirt_running_disk *d = &g->running.disks.items[i];
        const struct file_fact *f = place_of(g, d);
        char size[SIZE_TEXT_MAX];

        if (!f || !runs_out(f))
            continue;
        err_set(&j->given_up, ERR_NOSPACE,
                "disk %s: only %s left where %s is: the backup was given up before the guest is "
                "stopped",
                d->name, size_text(f->space_free, size), d->path);
        j->rescuing = true;
        give_up_now(t);
        return;
    }
    next_mark(t);
}

/* What a pull writes to goes with it. */
static void write_out(const struct guard *g, const struct strlist *paths)
{
    struct libvirt_job *j = job_of(g);

    if (j && j->mode == MODE_PUSH)
        writing_start(g->task.host->loop, 0, paths, &j->writing);
}

static void described(struct libvirt_task *t)
{
    struct guard *g = of(t);
    CLEANUP(strlist_done) struct strlist paths = {0};
    const struct files_request q = {.closely = &paths};
    struct err err = ERR_INIT;

    if (t->err.code == ERR_NONE && libvirt_running_read(g->text.xml, &g->running, &err) == 0)
        for (size_t i = 0; i < g->running.disks.n; i++)
            if (g->running.disks.items[i].path)
                strlist_add(&paths, g->running.disks.items[i].path);
    write_out(g, &paths);
    if (paths.n > 0 && !t->canceled)
        libvirt_task_files(t, FILES_LOOK, &q, LOOK_S, &g->places, weighed);
    else
        libvirt_task_finish(t, NULL);
}

static void weigh(struct libvirt_task *t)
{
    struct guard *g = of(t);

    if (job_of(g) && !t->canceled)
        ask(g, "backup-xml", &libvirt_request_domain, (struct libvirt_request){0},
            &libvirt_answer_xml, &g->text, described);
    else
        libvirt_task_finish(t, NULL);
}

void libvirt_guard_weigh(struct libvirt_host *h, const char *domain)
{
    for (struct libvirt_job *j = h->jobs ? h->jobs->first : NULL; j; j = j->next)
        if (h->local && j->phase == LIBVIRT_JOB_RUNS && !j->rescuing && !j->ending &&
            (!domain || strcmp(domain, j->domain) == 0))
            start(h, j, weigh);
}

static void on_clock(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct libvirt_host *h = w->data;
    bool runs = false;

    (void)revents;
    for (struct libvirt_job *j = h->jobs->first; j; j = j->next)
        runs = runs || j->phase == LIBVIRT_JOB_RUNS;
    if (runs)
        libvirt_guard_weigh(h, NULL);
    else
        ev_timer_stop(loop, w);
}

void libvirt_guard_start(struct libvirt_host *h, struct libvirt_job *j)
{
    ev_timer *clock = &h->jobs->clock;

    j->phase = LIBVIRT_JOB_RUNS;
    if (ev_is_active(clock))
        return;
    ev_timer_init(clock, on_clock, 0.0, CLOCK_S);
    clock->data = h;
    ev_timer_start(h->loop, clock);
}

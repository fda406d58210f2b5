/* SPDX-License-Identifier: MIT */
#include "engine/qmp/offline/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/domain/config.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/offline/session.h"

#define DAEMON "qemu-storage-daemon"

/* The child process; it outlives its session when the driver is freed meanwhile. */
struct storage_daemon {
    struct domain *domain; /* NULL: gone */
    struct op *op;
};

/* ---- which domain ---- */

struct domain *offline_of(const struct domain *d)
{
    const struct offline *o = d->offline ? d->offline->session : NULL;

    /* A beginning that was cancelled before its first step leaves one without a purpose. */
    if (!o || o->phase == OFFLINE_OVER || (o->phase < OFFLINE_READY && !d->offline->tasks))
        return NULL;
    return d->offline;
}

const char *offline_tag(const struct domain *d)
{
    return offline_of(d) ? d->offline->session->tag : NULL;
}

int offline_check_idle(const struct domain *d, struct err *err)
{
    if (!offline_of(d) || d->offline->session->whole)
        return 0;
    return err_set(err, ERR_BUSY, "backup job %s copies the images", offline_tag(d));
}

bool offline_route(struct task *t, const char *tag)
{
    const char *its = offline_tag(t->domain);

    if (!its || strcmp(its, tag) != 0)
        return false;
    task_move(t, t->domain->offline);
    return true;
}

/* ---- the storage daemon ---- */

static void on_daemon_end(void *ctx, const struct err *err)
{
    struct storage_daemon *daemon = ctx;
    struct domain *d = daemon->domain;
    struct task *waiter;

    free(daemon);
    if (!d)
        return;
    d->session->daemon = NULL;
    if (!d->session->stopping && err)
        d->session->why = *err;
    waiter = TAKE_PTR(d->session->waiter);
    if (waiter)
        task_resume(waiter, NULL);
    else
        domain_wake_sleeper(d);
}

/* Its QMP session goes over a pair of sockets, so that nobody else can connect and no file
 * remains. */
int offline_start_daemon(struct domain *d, struct err *err)
{
    CLEANUP_FREE char *chardev = NULL;
    const char *argv[] = {DAEMON, "--chardev", NULL, "--monitor", "chardev=monitor", NULL};
    struct proc_spec spec = {.argv = argv};
    struct storage_daemon *daemon;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return err_errno(err, errno, "%s: socketpair", DAEMON);
    chardev = xasprintf("socket,id=monitor,fd=%d,server=off", pair[1]);
    argv[2] = chardev;
    spec.keep_fd = pair[1];
    daemon = xcalloc(1, sizeof(*daemon));
    daemon->domain = d;
    daemon->op = proc_start(d->owner->loop, &spec, NULL, on_daemon_end, daemon, err);
    close(pair[1]);
    if (!daemon->op) {
        close(pair[0]);
        free(daemon);
        return -1;
    }
    d->session->daemon = daemon;
    connection_adopt(d, pair[0]);
    return 0;
}

static void end_daemon(struct offline *o)
{
    if (o->daemon && !o->stopping)
        op_cancel(o->daemon->op);
    o->stopping = true;
}

bool offline_stop_daemon(struct task *t)
{
    struct offline *o = t->domain->session;

    end_daemon(o);
    o->waiter = o->daemon ? t : NULL;
    return o->waiter != NULL;
}

/* The object stays until the next one is needed: tasks may still be in its line. */
void offline_over(struct domain *d)
{
    d->session->phase = OFFLINE_OVER;
    image_watch_done(&d->session->watch);
}

/* ---- the side ---- */

static struct domain *raises_for(struct domain *d, enum hv_event_type type)
{
    return type == HV_EVENT_JOB ? d->session->parent : NULL;
}

static void lost(struct domain *d)
{
    struct offline *o = d->session;

    if (o->why.code == ERR_NONE && !o->stopping)
        err_set(&o->why, ERR_REMOTE, "%s: the connection is lost", DAEMON);
    /* One that has closed its monitor does nothing more for us. */
    if (o->daemon)
        op_cancel(o->daemon->op);
    d->down_state = DOMAIN_UNREACHABLE;
    domain_wake_sleeper(d);
}

static void list_watched(const struct domain *d, struct strlist *ret)
{
    const struct offline *o = d->session;

    for (size_t i = 0; o->phase == OFFLINE_READY && !o->whole && i < o->watch.paths.n; i++)
        strlist_add(ret, o->watch.paths.items[i]);
}

static void judge(struct domain *d, const struct file_list *files, bool running, struct err *err)
{
    struct offline *o = d->session;
    const char *file;

    if (o->whole || o->phase != OFFLINE_READY ||
        (err->code != ERR_NONE && err->code != ERR_CANCELED))
        return;
    file = image_watch_changed(&o->watch, files);
    if (file)
        err_set(err, ERR_BUSY, "%s (%s was written to)", OFFLINE_TORN, file);
    o->whole = !running && err->code == ERR_NONE;
    if (!running)
        image_watch_stop(&o->watch);
}

static bool ended(const struct domain *d, struct hv_job_stats *ret)
{
    const struct offline *o = d->session;

    *ret = (struct hv_job_stats){.state = HVJOB_NONE};
    if (o->stopping || o->phase == OFFLINE_OVER)
        return true;
    ret->state = HVJOB_FAILED;
    memcpy(ret->tag, o->tag, sizeof(ret->tag));
    ret->err = o->why;
    ret->err.code = ERR_REMOTE;
    if (!*ret->err.msg)
        err_set(&ret->err, ERR_REMOTE, "%s: the connection is lost", DAEMON);
    err_wrap(&ret->err, "the copy of the images has broken off");
    return true;
}

static bool let_go(struct task *t)
{
    if (offline_stop_daemon(t))
        return true;
    offline_over(t->domain);
    return false;
}

static void session_free(struct domain *d)
{
    struct offline *o = TAKE_PTR(d->session);

    end_daemon(o);
    if (o->daemon)
        o->daemon->domain = NULL;
    images_done(&o->images);
    image_watch_done(&o->watch);
    strlist_done(&o->marked);
    free(o->checkpoint);
    free(o);
}

static const struct side side_storage_daemon = {
    .no_writer = true,
    .late_objects = true,
    .raises_for = raises_for,
    .lost = lost,
    .answer = offline_answer,
    .hide = offline_hide,
    .list_watched = list_watched,
    .judge = judge,
    .ended = ended,
    .let_go = let_go,
    .free = session_free,
};

struct domain *offline_new(struct domain *parent, const char *tag, const char *checkpoint)
{
    CLEANUP_FREE struct qmp_disk_config *disks = xcalloc(parent->n_disks, sizeof(*disks));
    const struct qmp_domain_config config = {
        .name = parent->name,
        .qmp = DAEMON,
        .disks = disks,
        .n_disks = parent->n_disks,
        .tls_certificates = parent->tls_certificates,
        .tls_no_verify = !parent->tls_verify,
        .shared_names = parent->shared_names,
    };
    struct domain *d;

    for (size_t i = 0; i < parent->n_disks; i++)
        disks[i] = (struct qmp_disk_config){parent->disks[i].name, parent->disks[i].image,
                                            parent->disks[i].format};
    if (parent->offline)
        domain_free(TAKE_PTR(parent->offline));
    d = domain_new(parent->owner, &config, &side_storage_daemon);
    ev_timer_stop(d->owner->loop, &d->retry);
    d->session = xcalloc(1, sizeof(*d->session));
    d->session->parent = parent;
    snprintf(d->session->tag, sizeof(d->session->tag), "%s", tag);
    d->session->checkpoint = xstrdup(checkpoint);
    parent->offline = d;
    return d;
}

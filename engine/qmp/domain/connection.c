/* SPDX-License-Identifier: MIT
 *
 * A domain's QMP session: made when first needed and in the background, kept, and when lost made
 * again after 1 s, 2 s, 4 s ... 60 s, or at once when its socket appears (socket_watch.c) or a task
 * needs it.  What tasks try does not make the pauses longer.  A connected domain wakes nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "engine/qmp/domain/domain.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/wire/schema.h"

#define GREETING_S 5.0
#define SCHEMA_S 30.0
#define KNOCK_S 0.1
#define STAT_MAX 4096
#define PAUSE_FIRST_S 1.0
#define PAUSE_KNOCK_S 0.02
#define PAUSE_LAST_S 60.0

/* A socket that nobody listens on is that of a QEMU that does not run. */
static enum domain_state state_behind(const struct err *err)
{
    return err->sys == ENOENT || err->sys == ECONNREFUSED ? DOMAIN_SHUTOFF : DOMAIN_UNREACHABLE;
}

/* Who configures a domain may be wrong about where its socket is; who had it running is not. */
static void say_absent(const struct domain *d, const struct err *cause, struct err *ret)
{
    if (cause->sys == ENOENT && !d->was_up)
        err_set(ret, ERR_REMOTE, "nothing is at %s, where its QMP socket should be (key qmp)",
                d->qmp);
    else if (cause->sys == ENOENT)
        err_set(ret, ERR_REMOTE, "nothing is at %s any more: its QEMU has ended", d->qmp);
    else
        err_set(ret, ERR_REMOTE, "nobody listens at %s: its QEMU has ended", d->qmp);
}

/* Somebody has stopped the process (SIGSTOP, a debugger): then it accepts no client, which looks
 * as if another one kept the monitor. */
static bool is_stopped(pid_t pid)
{
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    const char *after;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (pid <= 0 || read_file(path, STAT_MAX, &text, NULL, &err) < 0)
        return false;
    after = strrchr(text, ')'); /* of the program's name */
    return after && (starts_with(after, ") T") || starts_with(after, ") t"));
}

void connection_retry(struct domain *d)
{
    ev_timer_stop(d->owner->loop, &d->retry);
    ev_timer_set(&d->retry, d->pause_s, 0);
    ev_timer_start(d->owner->loop, &d->retry);
    socket_watch_domain(d);
}

static void go_down(struct domain *d, const struct err *cause)
{
    enum domain_state state = state_behind(cause);
    struct err said = ERR_INIT;
    const struct err *why = &said;

    if (state == DOMAIN_UNREACHABLE && is_stopped(d->peer))
        err_set(&said, ERR_REMOTE,
                "%s: QEMU is stopped (process %d, by SIGSTOP or a debugger); SIGCONT continues it",
                d->qmp, (int)d->peer);
    else if (state == DOMAIN_SHUTOFF)
        say_absent(d, cause, &said);
    else
        why = cause;
    if (d->up || state != d->down_state)
        domain_raise(d, HV_EVENT_DOMAIN);
    if (d->up)
        domain_raise(d, HV_EVENT_JOB);
    d->down_why = *why;
    d->down_why.code = ERR_REMOTE;
    d->down_state = state;
    d->up = false;
    d->pid = 0;
    qmp_client_free(d->client);
    d->client = NULL;
    d->side->lost(d);
    domain_turn(d);
}

static void on_closed(void *ctx, const struct err *err)
{
    struct domain *d = ctx;
    struct err why = *err;

    err_wrap(&why, "%s", d->qmp);
    if (d->up)
        log_debug("qmp: %s: %s", d->name, why.msg);
    go_down(d, &why);
}

static void on_schema(void *ctx, json_t *ret, const struct err *err)
{
    struct domain *d = ctx;

    (void)err;
    d->breaks_snapshot = schema_has_argument(ret, "blockdev-backup", "on-cbw-error");
}

static void on_ready(void *ctx)
{
    struct domain *d = ctx;

    /* Answered before whatever is asked next. */
    qmp_call(d->client, "query-qmp-schema", NULL, SCHEMA_S, on_schema, d);

    d->up = true;
    d->pause_s = PAUSE_FIRST_S;
    domain_raise(d, HV_EVENT_DOMAIN);
    /* Events may have been missed: a job that ended, a guest that stopped. */
    if (d->was_up)
        domain_raise(d, HV_EVENT_JOB);
    d->was_up = true;
    domain_wake_sleeper(d); /* a task that has waited for this */
    d->owner->tend(d);
    domain_turn(d);
}

static void on_job_event(struct domain *d, const char *id, const char *status)
{
    if (!id || !job_id_parse(id, NULL, NULL))
        return;
    domain_wake_sleeper(d);
    if (str_eq(status, "concluded"))
        d->owner->tend(d);
}

static void on_event(void *ctx, const char *name, json_t *data)
{
    static const char *const changes[] = {"STOP", "RESUME", "SHUTDOWN"};
    struct domain *d = ctx;
    const char *reason;

    if (strcmp(name, "JOB_STATUS_CHANGE") == 0)
        on_job_event(d, json_string_value(json_object_get(data, "id")),
                     json_string_value(json_object_get(data, "status")));
    if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
        reason = json_string_value(json_object_get(data, "reason"));
        snprintf(d->io_error, sizeof(d->io_error), "%s", reason ? reason : "");
    }
    if (strcmp(name, "STOP") == 0 || strcmp(name, "BLOCK_IO_ERROR") == 0)
        d->owner->tend(d);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        if (strcmp(name, changes[i]) == 0)
            domain_raise(d, HV_EVENT_DOMAIN);
}

static pid_t peer_of(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? cred.pid : 0;
}

/* The socket's queue is full, perhaps only until QEMU has seen that its last client has gone. */
static bool knock_again(struct domain *d)
{
    double now = ev_now(d->owner->loop);

    if (d->knock_until == 0)
        d->knock_until = now + GREETING_S;
    if (now >= d->knock_until)
        return false;
    ev_timer_set(&d->retry, KNOCK_S, 0);
    ev_timer_start(d->owner->loop, &d->retry);
    return true;
}

static const struct qmp_client_events events = {on_ready, on_event, on_closed};

static void try_to_connect(struct domain *d)
{
    struct err err = ERR_INIT;
    int fd = stream_connect(d->qmp, &err);

    ev_timer_stop(d->owner->loop, &d->retry);
    if (fd < 0 && err.code == ERR_BUSY && knock_again(d))
        return;
    d->knock_until = 0;
    if (fd < 0) {
        go_down(d, &err);
        return;
    }
    d->pid = d->peer = peer_of(fd);
    d->client = qmp_client_new(d->owner->loop, fd, GREETING_S, &events, d);
}

void connection_adopt(struct domain *d, int fd)
{
    d->client = qmp_client_new(d->owner->loop, fd, GREETING_S, &events, d);
}

bool connection_is_pending(const struct domain *d)
{
    return (d->client && !d->up) || d->knock_until > 0;
}

void connection_want(struct domain *d)
{
    if (!d->client && !connection_is_pending(d) && d->side->reconnects)
        try_to_connect(d);
}

void connection_knock(struct domain *d)
{
    if (d->client || !d->side->reconnects)
        return;
    d->pause_s = PAUSE_KNOCK_S;
    ev_timer_stop(d->owner->loop, &d->retry);
    ev_timer_set(&d->retry, 0, 0);
    ev_timer_start(d->owner->loop, &d->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct domain *d = w->data;

    (void)loop;
    (void)revents;
    d->pause_s = d->pause_s * 2 < PAUSE_LAST_S ? d->pause_s * 2 : PAUSE_LAST_S;
    try_to_connect(d);
}

void connection_init(struct domain *d)
{
    d->pause_s = PAUSE_FIRST_S / 2; /* the first retry's is twice that */
    d->watch = -1;
    ev_timer_init(&d->retry, on_retry, 0, 0);
    d->retry.data = d;
    if (!d->qmp) {
        d->down_state = DOMAIN_SHUTOFF;
        err_set(&d->down_why, ERR_REMOTE, "there is no QEMU");
        return;
    }
    d->down_state = DOMAIN_UNREACHABLE;
    err_set(&d->down_why, ERR_REMOTE, "%s: not connected yet", d->qmp);
    ev_timer_start(d->owner->loop, &d->retry);
}

void connection_done(struct domain *d)
{
    ev_timer_stop(d->owner->loop, &d->retry);
    qmp_client_free(d->client);
    d->client = NULL;
}

bool connection_is_up(const struct domain *d)
{
    return d->up && qmp_client_is_open(d->client);
}

int connection_error(const struct domain *d, struct err *err)
{
    if (d->up)
        return err_set(err, ERR_REMOTE, "%s: connection lost", d->qmp);
    if (d->down_state == DOMAIN_SHUTOFF)
        return err_set(err, ERR_REMOTE, "the domain is shut off: %s", d->down_why.msg);
    *err = d->down_why;
    return -1;
}

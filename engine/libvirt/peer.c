/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/peer.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc.h"
#include "base/stream.h"
#include "base/text.h"

#define PROGRAM "vmkeep-libvirt"
#define CONNECT_S 40.0 /* ssh gives up after 30 by itself, in most systems */
#define PAUSE_FIRST_S 1.0
#define PAUSE_MAX_S 60.0
#define LINE_SHOWN 100
#define LINE_MAX_IN 16 /* it is never sent any */

/* One request under way. */
struct request {
    struct op op; /* first: a struct op * is a struct request * */
    struct request *next;
    struct peer *peer;
    char *what;
    json_int_t id;
    const struct record *record;
    void *ret;
    op_done done;
    void *ctx;
    double timeout_s;
    bool canceled;
    ev_timer timer;
};

struct peer {
    struct ev_loop *loop;
    char *uri, *program;
    const struct peer_events *events;
    void *ctx;
    struct op *child;
    struct stream to; /* its standard input */
    bool up, freeing;
    struct err why;  /* not up */
    struct err told; /* of `down` */
    struct err said; /* by this child, of its connection */
    double pause;    /* before the next start */
    ev_timer timer;  /* until the next start; or, of a child that is not up, until it is killed */
    struct request *first;
    json_int_t ids;
};

static void start(struct peer *p);
static void release(struct peer *p);

/* ---- requests ---- */

static void request_end(struct request *q, const struct err *err)
{
    struct request **at = &q->peer->first;
    op_done done = q->done;
    void *ctx = q->ctx;

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    ev_timer_stop(q->peer->loop, &q->timer);
    free(q->what);
    free(q);
    done(ctx, err);
}

static void fail_all(struct peer *p, const struct err *err)
{
    while (p->first)
        request_end(p->first, err);
}

static void kill_child(struct peer *p, const struct err *why)
{
    if (p->said.code == ERR_NONE)
        p->said = *why;
    op_cancel(p->child);
}

static void on_request_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct request *q = w->data;
    struct peer *p = q->peer;
    struct err err = ERR_INIT;

    (void)loop;
    (void)revents;
    if (q->canceled) {
        err_set(&err, ERR_CANCELED, "canceled");
        request_end(q, &err);
        return;
    }
    err_set(&err, ERR_TIMEOUT, "libvirt has not answered '%s' for %.0f seconds", q->what,
            q->timeout_s);
    kill_child(p, &err);
    request_end(q, &err);
}

static void request_cancel(struct op *op)
{
    struct request *q = (struct request *)op;

    q->canceled = true;
    ev_timer_stop(q->peer->loop, &q->timer);
    ev_timer_set(&q->timer, 0.0, 0.0);
    ev_timer_start(q->peer->loop, &q->timer);
}

static void send_request(struct peer *p, const struct request *q, const struct peer_ask *ask)
{
    json_t *json = record_write(ask->request, ask->value);
    json_t *line = json_pack("{s:I,s:s}", "id", q->id, "do", ask->what);
    CLEANUP_FREE char *text = NULL;

    json_object_update_missing(line, json);
    text = json_dumps(line, JSON_COMPACT);
    json_decref(json);
    json_decref(line);
    stream_send(&p->to, text, strlen(text));
    stream_send(&p->to, "\n", 1);
}

struct op *peer_ask(struct peer *p, const struct peer_ask *ask, op_done done, void *ctx,
                    struct err *err)
{
    struct request *q;

    if (!peer_is_up(p, err))
        return NULL;
    q = xcalloc(1, sizeof(*q));
    q->op.cancel = request_cancel;
    q->peer = p;
    q->what = xstrdup(ask->what);
    q->id = ++p->ids;
    q->record = ask->answer;
    q->ret = ask->ret;
    q->done = done;
    q->ctx = ctx;
    q->timeout_s = ask->timeout_s;
    q->next = p->first;
    p->first = q;
    ev_timer_init(&q->timer, on_request_timer, q->timeout_s, 0.0);
    q->timer.data = q;
    ev_timer_start(p->loop, &q->timer);
    send_request(p, q, ask);
    return &q->op;
}

/* ---- what it answers ---- */

/* All of it or nothing. */
static int take_done(const struct request *q, const json_t *done, struct err *err)
{
    CLEANUP_FREE void *value = q->record ? xcalloc(1, q->record->size) : NULL;

    if (!json_is_object(done))
        return err_set(err, ERR_PROTOCOL, "neither done nor error");
    if (!q->record)
        return 0;
    if (record_read(q->record, done, value, err) < 0) {
        err->code = ERR_PROTOCOL;
        return -1;
    }
    memcpy(q->ret, value, q->record->size);
    return 0;
}

static int take_error(const json_t *error, struct err *err)
{
    struct err read = ERR_INIT;

    if (record_read(&record_err, error, &read, err) < 0 || read.code == ERR_NONE)
        return err_set(err, ERR_PROTOCOL, "an error that is none");
    *err = read;
    return -1;
}

/* Nobody waits any more for one that was canceled. */
static void take_answer(struct peer *p, json_int_t id, const json_t *line)
{
    const json_t *error = json_object_get(line, "error");
    struct request *q = p->first;
    struct err err = ERR_INIT;
    int rc;

    while (q && q->id != id)
        q = q->next;
    if (!q || q->canceled)
        return;
    rc = error ? take_error(error, &err) : take_done(q, json_object_get(line, "done"), &err);
    if (rc < 0 && err.code == ERR_PROTOCOL)
        kill_child(p, &err);
    request_end(q, rc < 0 ? &err : NULL);
}

static void take_event(struct peer *p, const json_t *event)
{
    const char *what = json_string_value(json_object_get(event, "what"));
    const char *why = json_string_value(json_object_get(event, "why"));

    if (str_eq(what, "connected")) {
        ev_timer_stop(p->loop, &p->timer);
        p->up = true;
        p->pause = PAUSE_FIRST_S;
        p->told = (struct err){0};
        p->events->up(p->ctx);
    } else if (str_eq(what, "closed")) {
        err_set(&p->said, ERR_REMOTE, "%s", why ? why : "the connection is closed");
    } else {
        p->events->event(p->ctx, event);
    }
}

static void on_line(void *ctx, const char *text)
{
    struct peer *p = ctx;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(line, "id"), *event = json_object_get(line, "event"),
                 *error = json_object_get(line, "error");
    struct err err = ERR_INIT;

    if (p->freeing) {
        /* Nobody listens. */
    } else if (json_is_integer(id)) {
        take_answer(p, json_integer_value(id), line);
    } else if (json_is_object(event)) {
        take_event(p, event);
    } else if (error) {
        take_error(error, &p->said);
    } else {
        err_set(&err, ERR_PROTOCOL, "%s says '%.*s'", p->program, LINE_SHOWN, text);
        kill_child(p, &err);
    }
    json_decref(line);
}

/* ---- it comes and goes ---- */

static void on_stream_line(void *ctx, char *line, size_t len)
{
    (void)ctx;
    (void)line;
    (void)len;
}

/* It does not read any more: its end is told by on_child. */
static void on_stream_broken(void *ctx, const struct err *err)
{
    struct peer *p = ctx;

    if (err->code != ERR_REMOTE)
        kill_child(p, err);
}

static const struct stream_events stream_events = {
    .line = on_stream_line,
    .broken = on_stream_broken,
};

static void wait_and_start(struct peer *p)
{
    ev_timer_stop(p->loop, &p->timer);
    ev_timer_set(&p->timer, p->pause, 0.0);
    ev_timer_start(p->loop, &p->timer);
    p->pause = p->pause * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : p->pause * 2;
}

static void is_down(struct peer *p, const struct err *why)
{
    p->up = false;
    p->why = *why;
    if (p->why.code != ERR_DENIED)
        p->why.code = ERR_REMOTE;
    fail_all(p, &p->why);
    if (strcmp(p->told.msg, p->why.msg) != 0) {
        p->told = p->why;
        p->events->down(p->ctx, &p->why);
    }
    wait_and_start(p);
}

static void on_child(void *ctx, const struct err *child)
{
    struct peer *p = ctx;
    struct err err = p->said;

    p->child = NULL;
    stream_close(&p->to);
    ev_timer_stop(p->loop, &p->timer);
    if (p->freeing) {
        release(p);
        return;
    }
    if (err.code == ERR_NONE && child)
        err = *child;
    if (err.code == ERR_NONE)
        err_set(&err, ERR_REMOTE, "%s has ended", p->program);
    is_down(p, &err);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct peer *p = w->data;
    struct err err = ERR_INIT;

    (void)loop;
    (void)revents;
    if (!p->child) {
        start(p);
        return;
    }
    err_set(&err, ERR_TIMEOUT, "no connection within %.0f seconds", CONNECT_S);
    kill_child(p, &err);
}

static int spawn(struct peer *p, struct err *err)
{
    CLEANUP_FREE char *path = proc_program_path(p->program);
    CLEANUP_CLOSE int ours = -1, its = -1;
    const char *argv[] = {path, p->uri, NULL};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(err, errno, "socketpair");
    ours = pair[0];
    its = pair[1]; /* a program may take "nothing yet" for the end */
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(err, errno, "fcntl");
    p->child =
        proc_start(p->loop, &(struct proc_spec){.argv = argv, .input_fd = its, .line = on_line},
                   NULL, on_child, p, err);
    if (!p->child)
        return -1;
    stream_open(&p->to, p->loop, take_fd(&ours), LINE_MAX_IN, &stream_events, p);
    return 0;
}

static void start(struct peer *p)
{
    struct err err = ERR_INIT;

    p->said = (struct err){0};
    if (spawn(p, &err) < 0) {
        is_down(p, &err);
        return;
    }
    ev_timer_set(&p->timer, CONNECT_S, 0.0);
    ev_timer_start(p->loop, &p->timer);
}

struct peer *peer_new(struct ev_loop *loop, const char *uri, const char *program,
                      const struct peer_events *events, void *ctx)
{
    struct peer *p = xcalloc(1, sizeof(*p));

    p->loop = loop;
    p->uri = xstrdup(uri);
    p->program = xstrdup(program ? program : PROGRAM);
    p->events = events;
    p->ctx = ctx;
    p->pause = PAUSE_FIRST_S;
    p->to.fd = -1;
    err_set(&p->why, ERR_REMOTE, "not connected yet");
    /* From the loop, for nothing is told from inside. */
    ev_timer_init(&p->timer, on_timer, 0.0, 0.0);
    p->timer.data = p;
    ev_timer_start(loop, &p->timer);
    return p;
}

bool peer_is_up(const struct peer *p, struct err *why)
{
    if (!p->up && why)
        *why = p->why;
    return p->up;
}

static void release(struct peer *p)
{
    free(p->uri);
    free(p->program);
    free(p);
}

void peer_free(struct peer *p)
{
    struct err err = ERR_INIT;

    if (!p)
        return;
    p->freeing = true;
    p->up = false;
    err_set(&err, ERR_CANCELED, "canceled");
    p->why = err;
    fail_all(p, &err);
    ev_timer_stop(p->loop, &p->timer);
    stream_close(&p->to);
    /* It reads that its input is at its end, but may hang in a call. */
    if (p->child)
        op_cancel(p->child);
    else
        release(p);
}

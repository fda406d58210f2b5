/* SPDX-License-Identifier: MIT */
#include "engine/qmp/wire/client.h"

#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "engine/qmp/wire/texts.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define TOMBSTONES_MAX 3

struct call {
    struct call *next;
    struct qmp_client *client;
    json_int_t id;
    char *command;
    qmp_reply reply; /* NULL: a tombstone */
    void *ctx;
    ev_timer deadline;
};

struct qmp_client {
    struct ev_loop *loop;
    struct stream stream;
    const struct qmp_client_events *events;
    void *ctx;
    ev_timer handshake;
    bool greeted, ready, ended;
    bool oob; /* QEMU takes urgent commands out of their turn */
    int major;
    struct call *calls; /* oldest first */
    int tombstones;
    json_int_t last_id;
    bool *freed; /* tells a callback's caller that the client went away under it */
};

static void call_free(struct call *call)
{
    ev_timer_stop(call->client->loop, &call->deadline);
    free(call->command);
    free(call);
}

static struct call **find_call(struct qmp_client *c, json_int_t id)
{
    struct call **p = &c->calls;

    while (*p && (*p)->id != id)
        p = &(*p)->next;
    return p;
}

/* Takes the call out of the list and gives it its answer.  False when the client is gone after it.
 */
static bool answer(struct qmp_client *c, struct call **p, json_t *ret, const struct err *err)
{
    struct call *call = *p;
    qmp_reply reply = call->reply;
    void *ctx = call->ctx;
    bool freed = false;

    *p = call->next;
    call_free(call);
    if (!reply) {
        c->tombstones--;
        return true;
    }
    c->freed = &freed;
    reply(ctx, ret, err);
    if (!freed)
        c->freed = NULL;
    return !freed;
}

static void end(struct qmp_client *c, const struct err *why)
{
    struct err err = *why;

    if (c->ended)
        return;
    c->ended = true;
    stream_close(&c->stream);
    ev_timer_stop(c->loop, &c->handshake);
    while (c->calls)
        if (!answer(c, &c->calls, NULL, &err))
            return;
    c->events->closed(c->ctx, &err);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct call *call = w->data;
    struct qmp_client *c = call->client;
    qmp_reply reply = call->reply;
    struct err err = ERR_INIT;
    bool freed = false;

    (void)loop;
    (void)revents;
    err_set(&err, ERR_TIMEOUT, "%s: no answer within %.0f s", call->command, w->repeat);
    ev_timer_stop(c->loop, w);
    call->reply = NULL;
    c->tombstones++;
    c->freed = &freed;
    reply(call->ctx, NULL, &err);
    if (freed)
        return;
    c->freed = NULL;
    if (c->tombstones >= TOMBSTONES_MAX) {
        err_set(&err, ERR_TIMEOUT, "QEMU hangs: %d commands were not answered", c->tombstones);
        end(c, &err);
    }
}

/* The command that frees QEMU from a peer that hangs must not wait behind what waits for it. */
static bool is_urgent(const struct qmp_client *c, const char *command)
{
    return c->oob && strcmp(command, "yank") == 0;
}

void qmp_call(struct qmp_client *c, const char *command, json_t *args, double timeout_s,
              qmp_reply reply, void *ctx)
{
    qmp_call_fd(c, command, args, 0, timeout_s, reply, ctx);
}

void qmp_call_fd(struct qmp_client *c, const char *command, json_t *args, int fd, double timeout_s,
                 qmp_reply reply, void *ctx)
{
    struct call *call = xcalloc(1, sizeof(*call)), **p = &c->calls;
    json_t *msg = json_pack("{s:s, s:o*, s:I}", is_urgent(c, command) ? "exec-oob" : "execute",
                            command, "arguments", args, "id", ++c->last_id);
    CLEANUP_FREE char *text = json_dumps(msg, JSON_COMPACT);

    json_decref(msg);
    *call = (struct call){
        .client = c, .id = c->last_id, .command = xstrdup(command), .reply = reply, .ctx = ctx};
    ev_timer_init(&call->deadline, on_deadline, timeout_s, timeout_s);
    call->deadline.data = call;
    ev_timer_start(c->loop, &call->deadline);
    while (*p)
        p = &(*p)->next;
    *p = call;
    log_debug("qmp: -> %s id=%" JSON_INTEGER_FORMAT, command, call->id);
    /* Without text (a string that is not UTF-8) nothing is sent, and the deadline ends the call;
     * the callers check the strings that come from outside. */
    if (!text)
        return;
    if (fd <= 0 || !stream_send_fd(&c->stream, text, strlen(text), fd))
        stream_send(&c->stream, text, strlen(text));
    stream_send(&c->stream, "\n", 1);
}

static void on_capabilities(void *ctx, json_t *ret, const struct err *err)
{
    struct qmp_client *c = ctx;
    struct err why;

    (void)ret;
    if (c->ended)
        return;
    if (err) {
        why = *err;
        err_wrap(&why, "QMP handshake refused");
        end(c, &why);
        return;
    }
    ev_timer_stop(c->loop, &c->handshake);
    c->ready = true;
    c->events->ready(c->ctx);
}

/* Out-of-band execution: of commands that QEMU takes while it is busy with another one. */
static bool has_oob(json_t *capabilities)
{
    json_t *item;
    size_t i;

    json_array_foreach(capabilities, i, item)
        if (str_eq(json_string_value(item), "oob"))
            return true;
    return false;
}

static int take_greeting(struct qmp_client *c, json_t *msg, struct err *err)
{
    json_t *enable;

    if (!json_is_object(json_object_get(msg, "QMP")))
        return err_set(err, ERR_PROTOCOL, "this is no QMP socket: the greeting is missing");
    c->greeted = true;
    enable = has_oob(json_object_get(json_object_get(msg, "QMP"), "capabilities"))
                 ? json_pack("{s:[s]}", "enable", "oob")
                 : NULL;
    c->oob = enable != NULL;
    json_unpack(msg, "{s:{s:{s:{s:i}}}}", "QMP", "version", "qemu", "major", &c->major);
    qmp_call(c, "qmp_capabilities", enable, 3600, on_capabilities, c);
    return 0;
}

/* The oldest call that waits for an answer: an error without id is its own. */
static struct call **oldest(struct qmp_client *c)
{
    struct call **p = &c->calls;

    while (*p && !(*p)->reply)
        p = &(*p)->next;
    return p;
}

static void take_error(struct qmp_client *c, json_t *msg, json_t *error)
{
    const char *class = json_string_value(json_object_get(error, "class"));
    const char *desc = json_string_value(json_object_get(error, "desc"));
    json_t *id = json_object_get(msg, "id");
    struct call **p = id ? find_call(c, json_integer_value(id)) : oldest(c);
    struct err err = ERR_INIT;

    if (!*p)
        return;
    err_set(&err, qemu_text_code(desc ? desc : ""), "%s", desc ? desc : "an error without a text");
    if (class && strcmp(class, "CommandNotFound") == 0)
        err.code = ERR_UNSUPPORTED;
    answer(c, p, NULL, &err);
}

static void take_return(struct qmp_client *c, json_t *msg, json_t *ret)
{
    struct call **p = find_call(c, json_integer_value(json_object_get(msg, "id")));

    if (*p)
        answer(c, p, ret, NULL);
}

static void on_line(void *ctx, char *line, size_t len)
{
    struct qmp_client *c = ctx;
    struct err err = ERR_INIT;
    json_error_t where;
    json_t *msg, *part;
    const char *event;

    if (len == 0)
        return;
    msg = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(msg)) {
        err_set(&err, ERR_PROTOCOL, "this is not QMP: %.60s", line);
        end(c, &err);
    } else if (!c->greeted) {
        if (take_greeting(c, msg, &err) < 0)
            end(c, &err);
    } else if ((event = json_string_value(json_object_get(msg, "event")))) {
        c->events->event(c->ctx, event, json_object_get(msg, "data"));
    } else if ((part = json_object_get(msg, "error"))) {
        take_error(c, msg, part);
    } else if ((part = json_object_get(msg, "return"))) {
        take_return(c, msg, part);
    } else {
        err_set(&err, ERR_PROTOCOL, "this is not QMP: %.60s", line);
        end(c, &err);
    }
    json_decref(msg);
}

static void on_broken(void *ctx, const struct err *err)
{
    end(ctx, err);
}

static void on_handshake_timeout(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct qmp_client *c = w->data;
    struct err err = ERR_INIT;

    (void)loop;
    (void)revents;
    if (c->greeted)
        err_set(&err, ERR_TIMEOUT, "QEMU hangs: the QMP handshake was not answered");
    else
        err_set(&err, ERR_BUSY, "no greeting: the monitor is in use by another client");
    end(c, &err);
}

struct qmp_client *qmp_client_new(struct ev_loop *loop, int fd, double greeting_s,
                                  const struct qmp_client_events *events, void *ctx)
{
    static const struct stream_events stream_events = {.line = on_line, .broken = on_broken};
    struct qmp_client *c = xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->events = events;
    c->ctx = ctx;
    stream_open(&c->stream, loop, fd, LINE_MAX_BYTES, &stream_events, c);
    ev_timer_init(&c->handshake, on_handshake_timeout, greeting_s, 0);
    c->handshake.data = c;
    ev_timer_start(loop, &c->handshake);
    return c;
}

int qmp_client_major(const struct qmp_client *c)
{
    return c->major;
}

bool qmp_client_is_open(const struct qmp_client *c)
{
    return !c->ended;
}

void qmp_client_free(struct qmp_client *c)
{
    struct call *call;

    if (!c)
        return;
    if (c->freed)
        *c->freed = true;
    stream_close(&c->stream);
    ev_timer_stop(c->loop, &c->handshake);
    while ((call = c->calls)) {
        c->calls = call->next;
        call_free(call);
    }
    free(c);
}

/* SPDX-License-Identifier: MIT */
#include "engine/qmp/wire/agent.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/stream.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define DELIMITER '\xff'

enum exchange { EX_NONE, EX_SYNCING, EX_ASKING };

struct agent {
    struct ev_loop *loop;
    char *path;
    struct stream stream; /* fd -1: not connected */
    bool synchronised;
    enum exchange exchange;
    uint32_t sync_id;
    const char *command;
    double timeout_s;
    ev_timer deadline;
    struct err broken; /* connecting has failed; the deadline, at once then, tells */
    agent_done done;
    void *ctx;
};

static void hang_up(struct agent *a)
{
    stream_close(&a->stream);
    a->synchronised = false;
}

static void finish(struct agent *a, bool uncertain, const struct err *err)
{
    agent_done done = a->done;

    ev_timer_stop(a->loop, &a->deadline);
    a->exchange = EX_NONE;
    done(a->ctx, uncertain, err);
}

/* Nothing is known of the line any more. */
static void fail(struct agent *a, const struct err *why)
{
    struct err err = *why;

    err_wrap(&err, "guest agent");
    hang_up(a);
    finish(a, a->exchange == EX_ASKING, &err);
}

static void send_text(struct agent *a, const char *text)
{
    stream_send(&a->stream, text, strlen(text));
}

static void ask(struct agent *a)
{
    CLEANUP_FREE char *text = xasprintf("{\"execute\":\"%s\"}\n", a->command);

    a->exchange = EX_ASKING;
    send_text(a, text);
}

static void take_sync(struct agent *a, json_t *msg)
{
    json_t *ret = json_object_get(msg, "return");

    if (!json_is_integer(ret) || json_integer_value(ret) != (json_int_t)a->sync_id)
        return; /* somebody else's */
    a->synchronised = true;
    ask(a);
}

static void take_answer(struct agent *a, json_t *msg)
{
    const char *desc = json_string_value(json_object_get(json_object_get(msg, "error"), "desc"));
    struct err err = ERR_INIT;

    if (json_object_get(msg, "return")) {
        finish(a, false, NULL);
        return;
    }
    /* A refusal is an answer: the line is in order. */
    err_set(&err, ERR_REMOTE, "guest agent: %s: %s", a->command, desc ? desc : "no proper answer");
    finish(a, false, &err);
}

static void on_line(void *ctx, char *line, size_t len)
{
    struct agent *a = ctx;
    char *delimiter = memrchr(line, DELIMITER, len);
    json_t *msg;

    if (a->exchange == EX_NONE || (a->exchange == EX_SYNCING && !delimiter))
        return;
    if (delimiter) {
        len -= (size_t)(delimiter + 1 - line);
        line = delimiter + 1;
    }
    msg = json_loadb(line, len, 0, NULL);
    if (a->exchange == EX_SYNCING)
        take_sync(a, msg);
    else
        take_answer(a, msg);
    json_decref(msg);
}

static void on_broken(void *ctx, const struct err *err)
{
    struct agent *a = ctx;

    if (a->exchange == EX_NONE)
        hang_up(a);
    else
        fail(a, err);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct agent *a = w->data;
    struct err err = a->broken;

    (void)loop;
    (void)revents;
    if (err.code == ERR_NONE)
        err_set(&err, ERR_TIMEOUT, "no answer within %.0f s", a->timeout_s);
    fail(a, &err);
}

static int connect_agent(struct agent *a, struct err *err)
{
    static const struct stream_events events = {.line = on_line, .broken = on_broken};
    int fd;

    if (a->stream.fd >= 0)
        return 0;
    fd = stream_connect(a->path, err);
    if (fd < 0) {
        err->code = ERR_REMOTE;
        return -1;
    }
    stream_open(&a->stream, a->loop, fd, LINE_MAX_BYTES, &events, a);
    return 0;
}

static void synchronise(struct agent *a)
{
    char text[128];

    if (getrandom(&a->sync_id, sizeof(a->sync_id), 0) != sizeof(a->sync_id))
        a->sync_id++;
    a->synchronised = false;
    a->exchange = EX_SYNCING;
    /* The delimiter makes the agent drop half a command that somebody may have left behind. */
    snprintf(text, sizeof(text),
             "%c{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%u}}\n", DELIMITER,
             a->sync_id);
    send_text(a, text);
}

void agent_call(struct agent *a, const char *command, double timeout_s, agent_done done, void *ctx)
{
    a->command = command;
    a->timeout_s = timeout_s;
    a->done = done;
    a->ctx = ctx;
    a->broken = ERR_INIT;
    a->exchange = EX_SYNCING;
    if (connect_agent(a, &a->broken) == 0)
        synchronise(a);
    else
        timeout_s = 0;
    ev_timer_set(&a->deadline, timeout_s, 0);
    ev_timer_start(a->loop, &a->deadline);
}

void agent_blurt(struct agent *a, const char *command)
{
    if (a->stream.fd < 0 || !a->synchronised)
        return;
    a->command = command;
    ask(a);
}

void agent_hang_up(struct agent *a)
{
    if (a->exchange == EX_NONE)
        hang_up(a);
}

struct agent *agent_new(struct ev_loop *loop, const char *path)
{
    struct agent *a = xcalloc(1, sizeof(*a));

    a->loop = loop;
    a->path = xstrdup(path);
    a->stream.fd = -1;
    ev_timer_init(&a->deadline, on_deadline, 0, 0);
    a->deadline.data = a;
    return a;
}

void agent_free(struct agent *a)
{
    if (!a)
        return;
    hang_up(a);
    ev_timer_stop(a->loop, &a->deadline);
    free(a->path);
    free(a);
}

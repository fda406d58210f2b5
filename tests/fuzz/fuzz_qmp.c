/* SPDX-License-Identifier: MIT
 *
 * A QEMU that says anything.  The input is what comes over the socket, greeting and all: the
 * session goes on or ends, each call is answered once at most, and `closed` is the last word.
 * What it answers to the first commands is taken for the queries' answers, in their order, and
 * decoded.
 */
#include <assert.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/qmp/wire/client.h"
#include "engine/qmp/state/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
    struct qmp_client *client;
    bool ready, closed;
    int calls, answers;
    json_t *replies[Q_COUNT];
};

static void on_reply(void *ctx, json_t *ret, const struct err *err)
{
    struct session *s = ctx;

    assert(!s->closed && s->answers < s->calls);
    assert(!ret == (err != NULL));
    if (ret)
        s->replies[s->answers] = json_incref(ret);
    s->answers++;
}

static void on_ready(void *ctx)
{
    struct session *s = ctx;

    assert(!s->ready && !s->closed);
    s->ready = true;
    for (; s->calls < Q_COUNT; s->calls++)
        qmp_call(s->client, view_query_commands[s->calls], NULL, 30, on_reply, s);
}

static void on_event(void *ctx, const char *name, json_t *data)
{
    struct session *s = ctx;

    (void)data;
    assert(name && !s->closed);
}

static void on_closed(void *ctx, const struct err *err)
{
    struct session *s = ctx;

    assert(!s->closed && err->code != ERR_NONE && s->answers == s->calls);
    s->closed = true;
}

static void decode(struct session *s)
{
    const struct view_names names = {.n = 0};
    struct err err = ERR_INIT;
    struct view view = {0};

    if (view_decode(s->replies, &names, &view, &err) == 0)
        for (size_t i = 0; i < view.disks.n; i++)
            assert(view_find_disk(&view, view.disks.items[i].facts.name) == &view.disks.items[i]);
    else
        assert(err.code != ERR_NONE && *err.msg);
    view_done(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qmp_client_events events = {on_ready, on_event, on_closed};
    struct ev_loop *loop = ev_default_loop(0);
    struct session s = {0};
    int fds[2];

    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    s.client = qmp_client_new(loop, fds[1], 30, &events, &s);
    while (size > 0 && !s.closed) {
        ssize_t n = write(fds[0], data, size);

        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
        ev_run(loop, EVRUN_NOWAIT);
    }
    close(fds[0]);
    for (int i = 0; !s.closed; i++) {
        assert(i < 100000);
        ev_run(loop, EVRUN_NOWAIT);
    }
    decode(&s);
    qmp_client_free(s.client);
    for (int i = 0; i < Q_COUNT; i++)
        json_decref(s.replies[i]);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "tests/support/fake_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "tests/support/test.h"

static void hang_up(struct fake_agent *a)
{
    stream_close(&a->stream);
    ev_io_start(EV_DEFAULT, &a->acceptable);
}

static void answer(struct fake_agent *a, const char *text)
{
    stream_send(&a->stream, text, strlen(text));
}

/* As the real one does: what comes before the delimiter is answered with an error, and a late
 * answer to somebody else's question comes first. */
static void synchronise(struct fake_agent *a, const char *line)
{
    const char *id = strstr(line, "\"id\":");
    char text[64];

    assert_non_null(id);
    answer(
        a,
        "{\"return\": 12345}\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"stray\"}}\n");
    snprintf(text, sizeof(text), "\xff{\"return\": %lu}\n", strtoul(id + 5, NULL, 10));
    answer(a, text);
}

static void rename_socket(struct fake_agent *a, bool hide)
{
    CLEANUP_FREE char *hidden = xasprintf("%s.hidden", a->path);

    assert_int_equal(hide ? rename(a->path, hidden) : rename(hidden, a->path), 0);
}

void fake_agent_show(struct fake_agent *a)
{
    rename_socket(a, false);
}

static void freeze(struct fake_agent *a)
{
    a->freezes++;
    if (a->refuses_freeze) {
        answer(a, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"hook said no\"}}\n");
        return;
    }
    a->frozen = true;
    if (a->hides_after_freeze)
        rename_socket(a, true);
    if (a->on_freeze)
        a->on_freeze(a->ctx);
    if (a->drops_freeze)
        hang_up(a);
    else
        answer(a, "{\"return\": 1}\n");
}

static void thaw(struct fake_agent *a)
{
    a->thaws++;
    if (a->drops_thaws > 0) {
        a->drops_thaws--;
        hang_up(a);
        return;
    }
    a->frozen = false;
    answer(a, "{\"return\": 1}\n");
}

static void on_line(void *ctx, char *line, size_t len)
{
    struct fake_agent *a = ctx;

    (void)len;
    if (a->silent)
        return;
    if (strstr(line, "guest-sync-delimited"))
        synchronise(a, line);
    else if (strstr(line, "guest-fsfreeze-freeze"))
        freeze(a);
    else if (strstr(line, "guest-fsfreeze-thaw"))
        thaw(a);
    else
        fail_msg("the agent was asked: %s", line);
}

static void on_broken(void *ctx, const struct err *err)
{
    (void)err;
    hang_up(ctx);
}

static void on_acceptable(struct ev_loop *loop, ev_io *w, int revents)
{
    static const struct stream_events events = {.line = on_line, .broken = on_broken};
    struct fake_agent *a = w->data;
    int fd = accept4(a->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)revents;
    assert_true(fd >= 0);
    a->connections++;
    ev_io_stop(loop, w);
    stream_open(&a->stream, loop, fd, 4096, &events, a);
}

void fake_agent_start(struct fake_agent *a, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    a->path = xstrdup(path);
    a->stream.fd = -1;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(a->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(a->listener, 1), 0);
    ev_io_init(&a->acceptable, on_acceptable, a->listener, EV_READ);
    a->acceptable.data = a;
    ev_io_start(EV_DEFAULT, &a->acceptable);
}

void fake_agent_stop(struct fake_agent *a)
{
    stream_close(&a->stream);
    ev_io_stop(EV_DEFAULT, &a->acceptable);
    close(a->listener);
    unlink(a->path);
    free(a->path);
}

/* SPDX-License-Identifier: MIT
 *
 * A guest agent that says anything; a guest may do as it likes with its end of the line.  Each
 * exchange ends once.  "$ID" in the input is what the daemon has asked to be echoed, so that some
 * inputs come further than that.
 */
#include <assert.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/qmp/wire/agent.h"
#include "tests/fuzz/tmp.h"

#define SOCKET "agent.sock"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_socket(void)
{
    unlink(SOCKET);
}

static int listener(void)
{
    static int fd = -1;
    struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = SOCKET};

    if (fd >= 0)
        return fd;
    enter_tmp(remove_socket);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert(fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0);
    assert(listen(fd, 4) == 0);
    return fd;
}

static void on_done(void *ctx, bool uncertain, const struct err *err)
{
    int *ends = ctx;

    assert(*ends == 0);
    assert(!err || err->code == ERR_REMOTE || err->code == ERR_TIMEOUT ||
           err->code == ERR_PROTOCOL);
    assert(!err || *err->msg);
    assert(err || !uncertain);
    ++*ends;
}

/* The number in {"execute":"guest-sync-delimited","arguments":{"id":N}}; "": not asked. */
static void read_id(int fd, char ret[16])
{
    char text[256];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    const char *id;

    text[n > 0 ? n : 0] = '\0';
    id = strstr(text, "\"id\":");
    snprintf(ret, 16, "%.*s", id ? (int)strspn(id + 5, "0123456789") : 0, id ? id + 5 : "");
}

static void say(struct ev_loop *loop, int fd, const uint8_t *data, size_t size, const char *id)
{
    while (size > 0) {
        bool is_id = size >= 3 && memcmp(data, "$ID", 3) == 0;
        const uint8_t *next = memchr(data + 1, '$', size - 1);
        size_t len = is_id ? 3 : next ? (size_t)(next - data) : size;
        const void *piece = is_id ? (const void *)id : (const void *)data;

        if (send(fd, piece, is_id ? strlen(id) : len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return; /* it has hung up */
        data += len;
        size -= len;
        ev_run(loop, EVRUN_NOWAIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ev_loop *loop = ev_default_loop(0);
    int fd, ends = 0, turns = 0, server = listener();
    struct agent *a = agent_new(loop, SOCKET);
    char id[16];

    agent_call(a, "guest-fsfreeze-freeze", 30, on_done, &ends);
    ev_run(loop, EVRUN_NOWAIT);
    fd = accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert(fd >= 0);
    read_id(fd, id);
    say(loop, fd, data, size, id);
    close(fd);
    while (ends == 0) {
        turns++;
        assert(turns < 100000);
        ev_run(loop, EVRUN_NOWAIT);
    }
    agent_free(a);
    ev_run(loop, EVRUN_NOWAIT);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/stream.h"
#include "engine/qmp/wire/client.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"
#define PATIENCE_S 180.0

/* The client under test, the other end, and what each has seen. */
struct dialogue {
    struct qmp_client *client;
    struct stream peer;
    int ready, closed, events, replies;
    struct err why;                   /* of closed */
    struct err err;                   /* of the last reply */
    char log[512];                    /* what the client reported, in order */
    char heard[512];                  /* the last command at the peer */
    const char *greeting, *handshake; /* what the peer says to start, and to qmp_capabilities */
    bool free_in_reply;
};

static void note(struct dialogue *d, const char *word)
{
    strncat(d->log, word, sizeof(d->log) - strlen(d->log) - 1);
}

static void on_ready(void *ctx)
{
    struct dialogue *d = ctx;

    d->ready++;
    note(d, "ready ");
}

static void on_event(void *ctx, const char *name, json_t *data)
{
    struct dialogue *d = ctx;

    (void)data;
    d->events++;
    note(d, name);
    note(d, " ");
}

static void on_closed(void *ctx, const struct err *err)
{
    struct dialogue *d = ctx;

    d->closed++;
    d->why = *err;
    note(d, "closed ");
}

static void on_reply(void *ctx, json_t *ret, const struct err *err)
{
    struct dialogue *d = ctx;

    assert_true(!ret == !!err);
    d->replies++;
    d->err = err ? *err : ERR_INIT;
    note(d, err ? "failed " : "answered ");
    if (d->free_in_reply) {
        qmp_client_free(d->client);
        d->client = NULL;
    }
}

static void say(struct dialogue *d, const char *text)
{
    stream_send(&d->peer, text, strlen(text));
}

static void on_heard(void *ctx, char *line, size_t len)
{
    struct dialogue *d = ctx;

    assert_int_equal(strlen(line), len);
    if (strstr(line, "qmp_capabilities"))
        say(d, d->handshake);
    else
        snprintf(d->heard, sizeof(d->heard), "%s", line);
}

static void on_broken(void *ctx, const struct err *err)
{
    struct dialogue *d = ctx;

    (void)err;
    stream_close(&d->peer);
}

static const struct qmp_client_events events = {on_ready, on_event, on_closed};

static void start(struct dialogue *d)
{
    static const struct stream_events peer_events = {.line = on_heard, .broken = on_broken};
    double limit_s;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (!d->greeting)
        d->greeting = GREETING;
    if (!d->handshake)
        d->handshake = "{\"return\": {}, \"id\": 1}\r\n";
    stream_open(&d->peer, EV_DEFAULT, fds[0], 64 << 20, &peer_events, d);
    /* Only where nothing comes is it waited for in vain. */
    limit_s = *d->greeting && *d->handshake ? PATIENCE_S : 0.3;
    d->client = qmp_client_new(EV_DEFAULT, fds[1], limit_s, &events, d);
    say(d, d->greeting);
}

static void on_impatience(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
    fail_msg("nothing happened");
}

static void wait_for(const int *counter, int value)
{
    ev_timer patience;

    ev_timer_init(&patience, on_impatience, PATIENCE_S, 0);
    ev_timer_start(EV_DEFAULT, &patience);
    while (*counter < value)
        ev_run(EV_DEFAULT, EVRUN_ONCE);
    ev_timer_stop(EV_DEFAULT, &patience);
}

static void connected(struct dialogue *d)
{
    *d = (struct dialogue){0};
    start(d);
    wait_for(&d->ready, 1);
}

static void done(struct dialogue *d)
{
    qmp_client_free(d->client);
    stream_close(&d->peer);
    /* Nothing is left that would wake anybody. */
    ev_run(EV_DEFAULT, EVRUN_NOWAIT);
    assert_false(ev_run(EV_DEFAULT, EVRUN_NOWAIT));
}

static void call(struct dialogue *d, const char *command, double timeout_s)
{
    int replies = d->replies;

    qmp_call(d->client, command, NULL, timeout_s, on_reply, d);
    assert_int_equal(d->replies, replies); /* never from inside */
}

static void answers(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    qmp_call(d.client, "first", json_pack("{s:i}", "x", 1), PATIENCE_S, on_reply, &d); /* id 2 */
    call(&d, "second", PATIENCE_S);                                                    /* id 3 */
    say(&d, "{\"return\": [], \"id\": 99}\n"); /* nobody's */
    say(&d, "\r\n");
    say(&d,
        "{\"timestamp\": {}, \"event\": \"STOP\", \"data\": {}}\r\n{\"return\": 1, \"id\": 3}\r\n");
    wait_for(&d.replies, 1);
    assert_string_equal(d.log, "ready STOP answered ");
    assert_string_equal(d.heard, "{\"execute\":\"second\",\"id\":3}");
    say(&d, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"dd: No space left on device\"},"
            " \"id\": 2}\n");
    wait_for(&d.replies, 2);
    assert_int_equal(d.err.code, ERR_NOSPACE);
    assert_string_equal(d.err.msg, "dd: No space left on device");
    call(&d, "third", PATIENCE_S);
    say(&d, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"unheard of\"}, \"id\": 4}\n");
    wait_for(&d.replies, 3);
    assert_int_equal(d.err.code, ERR_UNSUPPORTED);
    assert_int_equal(d.closed, 0);
    done(&d);
}

/* Byte after byte. */
static void slowly(void **state)
{
    const char *text = "{\"return\": {\"text\": \"a\\nb\"}, \"id\": 2}\r\n";
    struct dialogue d;

    (void)state;
    connected(&d);
    call(&d, "x", PATIENCE_S);
    for (; *text; text++) {
        assert_int_equal(d.replies, 0);
        stream_send(&d.peer, text, 1);
        for (int i = 0; i < 3; i++)
            ev_run(EV_DEFAULT, EVRUN_NOWAIT);
    }
    wait_for(&d.replies, 1);
    assert_int_equal(d.err.code, ERR_NONE);
    done(&d);
}

static void error_without_id(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    call(&d, "dead", 0.02);
    wait_for(&d.replies, 1); /* a tombstone is not the oldest call */
    call(&d, "old", PATIENCE_S);
    call(&d, "young", PATIENCE_S);
    say(&d, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"what?\"}}\n");
    wait_for(&d.replies, 2);
    assert_string_equal(d.err.msg, "what?");
    say(&d, "{\"return\": {}, \"id\": 4}\n");
    wait_for(&d.replies, 3);
    assert_int_equal(d.err.code, ERR_NONE);
    done(&d);
}

static void late_answer(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    call(&d, "slow", 0.02);
    wait_for(&d.replies, 1);
    assert_int_equal(d.err.code, ERR_TIMEOUT);
    say(&d, "{\"return\": {}, \"id\": 2}\n");
    call(&d, "next", PATIENCE_S);
    say(&d, "{\"return\": {}, \"id\": 3}\n");
    wait_for(&d.replies, 2);
    assert_int_equal(d.err.code, ERR_NONE);
    assert_int_equal(d.replies, 2);
    assert_int_equal(d.closed, 0);
    done(&d);
}

static void hung_peer(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    call(&d, "open", PATIENCE_S);
    for (int i = 0; i < 3; i++)
        call(&d, "x", 0.02);
    wait_for(&d.closed, 1);
    assert_int_equal(d.why.code, ERR_TIMEOUT);
    assert_int_equal(d.replies, 4); /* the open one, too, before `closed` */
    assert_string_equal(d.log, "ready failed failed failed failed closed ");
    assert_false(qmp_client_is_open(d.client));
    done(&d);
}

/* What a peer says instead of what it should; how the session ends. */
static void expect_end(struct dialogue *d, enum err_code code, const char *text)
{
    start(d);
    wait_for(&d->closed, 1);
    assert_int_equal(d->ready, 0);
    assert_int_equal(d->why.code, code);
    if (!strstr(d->why.msg, text))
        fail_msg("%s", d->why.msg);
    done(d);
}

static void bad_beginnings(void **state)
{
    (void)state;
    expect_end(&(struct dialogue){.greeting = ""}, ERR_BUSY,
               "the monitor is in use by another client");
    expect_end(&(struct dialogue){.greeting = "SSH-2.0-OpenSSH\r\n"}, ERR_PROTOCOL,
               "this is not QMP: SSH");
    expect_end(&(struct dialogue){.greeting = "{\"return\": {}}\n"}, ERR_PROTOCOL, "no QMP socket");
    expect_end(&(struct dialogue){.greeting = "[]\n"}, ERR_PROTOCOL, "not QMP");
    expect_end(&(struct dialogue){.handshake = ""}, ERR_TIMEOUT, "handshake was not answered");
    expect_end(
        &(struct dialogue){.handshake =
                               "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n"},
        ERR_REMOTE, "QMP handshake refused: no");
    expect_end(&(struct dialogue){.handshake = "{}\n"}, ERR_PROTOCOL, "not QMP: {}");
}

static void garbage_later(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    call(&d, "x", PATIENCE_S);
    say(&d, "{\"event\": \"A\"}\n{\"return\n{\"event\": \"B\"}\n");
    wait_for(&d.closed, 1);
    assert_int_equal(d.why.code, ERR_PROTOCOL);
    assert_string_equal(d.log, "ready A failed closed ");
    done(&d);
}

static void peer_gone(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    call(&d, "x", PATIENCE_S);
    stream_close(&d.peer);
    wait_for(&d.closed, 1);
    assert_int_equal(d.err.code, ERR_REMOTE);
    assert_string_equal(d.log, "ready failed closed ");
    done(&d);
}

static void oversize_line(void **state)
{
    size_t len = (size_t)17 << 20;
    CLEANUP_FREE char *text = xcalloc(len, 1);
    struct dialogue d;

    (void)state;
    memset(text, 'x', len);
    connected(&d);
    stream_send(&d.peer, text, len);
    wait_for(&d.closed, 1);
    assert_int_equal(d.why.code, ERR_PROTOCOL);
    assert_non_null(strstr(d.why.msg, "a line of more than"));
    done(&d);
}

/* More than a socket takes at once, in both directions. */
static void large_messages(void **state)
{
    size_t len = (size_t)2 << 20;
    CLEANUP_FREE char *text = xcalloc(len + 1, 1), *reply = NULL;
    struct dialogue d;

    (void)state;
    memset(text, 'x', len);
    connected(&d);
    qmp_call(d.client, "x", json_pack("{s:s}", "text", text), PATIENCE_S, on_reply, &d);
    while (!*d.heard)
        ev_run(EV_DEFAULT, EVRUN_ONCE);
    reply = xasprintf("{\"return\": \"%s\", \"id\": 2}\r\n", text);
    say(&d, reply);
    wait_for(&d.replies, 1);
    assert_int_equal(d.err.code, ERR_NONE);
    done(&d);
}

static void freed(void **state)
{
    struct dialogue d;

    (void)state;
    connected(&d);
    d.free_in_reply = true;
    call(&d, "x", PATIENCE_S);
    call(&d, "y", PATIENCE_S);
    say(&d, "{\"return\": {}, \"id\": 2}\n{\"return\": {}, \"id\": 3}\n");
    wait_for(&d.replies, 1);
    ev_run(EV_DEFAULT, EVRUN_NOWAIT);
    assert_int_equal(d.replies, 1); /* open calls of a freed client are dropped */
    done(&d);

    connected(&d); /* while a session's end fails its calls */
    d.free_in_reply = true;
    call(&d, "x", PATIENCE_S);
    call(&d, "y", PATIENCE_S);
    say(&d, "rubbish\n");
    wait_for(&d.replies, 1);
    assert_int_equal(d.closed, 0);
    done(&d);

    connected(&d); /* in a deadline */
    d.free_in_reply = true;
    call(&d, "x", 0.01);
    wait_for(&d.replies, 1);
    done(&d);
}

static void on_end(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

/* A connected client that has nothing to do wakes nobody. */
static void idle(void **state)
{
    struct dialogue d;
    unsigned int turns;
    ev_timer end;

    (void)state;
    connected(&d);
    call(&d, "x", 0.1);
    say(&d, "{\"return\": {}, \"id\": 2}\n");
    wait_for(&d.replies, 1);
    ev_timer_init(&end, on_end, 0.3, 0);
    ev_timer_start(EV_DEFAULT, &end);
    turns = ev_iteration(EV_DEFAULT);
    ev_run(EV_DEFAULT, 0);
    assert_true(ev_iteration(EV_DEFAULT) - turns <= 2);
    done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(slowly),
        cmocka_unit_test(error_without_id),
        cmocka_unit_test(late_answer),
        cmocka_unit_test(hung_peer),
        cmocka_unit_test(bad_beginnings),
        cmocka_unit_test(garbage_later),
        cmocka_unit_test(peer_gone),
        cmocka_unit_test(oversize_line),
        cmocka_unit_test(large_messages),
        cmocka_unit_test(freed),
        cmocka_unit_test(idle),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

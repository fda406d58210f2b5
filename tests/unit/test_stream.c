/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/stream.h"

static struct {
    struct stream s;
    int peer;
    char heard[256];
    size_t unfinished;
    struct err broken;
    bool close_on_line;
} t;

static void on_line(void *ctx, char *line, size_t len)
{
    (void)ctx;
    assert_int_equal(strlen(line), len);
    snprintf(t.heard + strlen(t.heard), sizeof(t.heard) - strlen(t.heard), "%s|", line);
    if (t.close_on_line)
        stream_close(&t.s);
}

static void on_broken(void *ctx, const struct err *err)
{
    (void)ctx;
    t.broken = *err;
    stream_close(&t.s);
}

static void on_unfinished(void *ctx, size_t n)
{
    (void)ctx;
    t.unfinished = n;
}

static int setup(void **state)
{
    static const struct stream_events events = {on_line, on_broken, on_unfinished};
    int fds[2];

    (void)state;
    memset(&t, 0, sizeof(t));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    t.peer = fds[1];
    stream_open(&t.s, EV_DEFAULT, fds[0], 8, &events, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stream_close(&t.s);
    close(t.peer);
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < 5; i++)
        ev_run(EV_DEFAULT, EVRUN_NOWAIT);
}

static void say(const char *text)
{
    assert_int_equal(send(t.peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    turn();
}

static void lines_and_a_part(void **state)
{
    (void)state;
    say("one\ntwo\nthr");
    assert_string_equal(t.heard, "one|two|");
    assert_int_equal(t.unfinished, 3);
    say("ee\n");
    assert_string_equal(t.heard, "one|two|three|");
    assert_int_equal(t.unfinished, 0);
    assert_null(t.s.in.data);
    assert_int_equal(t.broken.code, ERR_NONE);
}

static void a_line_that_is_too_long(void **state)
{
    (void)state;
    say("12345678\n");
    assert_string_equal(t.heard, "12345678|");
    say("123456789");
    assert_int_equal(t.broken.code, ERR_PROTOCOL);
    assert_non_null(strstr(t.broken.msg, "more than 8 bytes"));
}

/* Its end came with it: it is too long nevertheless. */
static void a_whole_line_that_is_too_long(void **state)
{
    (void)state;
    say("good\n123456789\nlater\n");
    assert_string_equal(t.heard, "good|");
    assert_int_equal(t.broken.code, ERR_PROTOCOL);
}

static void closed_while_it_gives(void **state)
{
    (void)state;
    t.close_on_line = true;
    say("one\ntwo\n");
    assert_string_equal(t.heard, "one|");
    assert_int_equal(t.broken.code, ERR_NONE);
}

static void the_peer_goes(void **state)
{
    (void)state;
    shutdown(t.peer, SHUT_RDWR);
    turn();
    assert_int_equal(t.broken.code, ERR_REMOTE);
}

static void one_that_does_not_read(void **state)
{
    static const char text[10000] = {'x'};
    int sent = 0;

    (void)state;
    t.s.out_max = 100000;
    while (t.s.fd >= 0 && sent < 10000) {
        stream_send(&t.s, text, sizeof(text));
        assert_true(t.s.out_len <= 100000);
        if (++sent % 100 == 0)
            turn();
    }
    assert_true(sent < 10000);
    assert_int_equal(t.broken.code, ERR_TIMEOUT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(lines_and_a_part),
        TEST(a_line_that_is_too_long),
        TEST(a_whole_line_that_is_too_long),
        TEST(closed_while_it_gives),
        TEST(the_peer_goes),
        TEST(one_that_does_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

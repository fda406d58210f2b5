/* SPDX-License-Identifier: MIT
 *
 * The control socket with a real scheduler behind it, on a host whose domains never answer: jobs
 * wait for as long as the test wants them to. */
#include "tests/support/test.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "daemon/clock_ev.h"
#include "daemon/control.h"
#include "tests/support/silent_host.h"
#include "tests/unit/catalog_support.h"

static const char config_text[] = "catalog: /unused\n"
                                  "limits: { jobs: 1, jobs_per_host: 1, jobs_per_repository: 1 }\n"
                                  "hosts:\n"
                                  "  - name: h\n"
                                  "    driver: qemu\n"
                                  "    domains: [{ name: a, qmp: /x }, { name: b, qmp: /y }]\n"
                                  "repositories:\n"
                                  "  - { name: main, path: /srv/backup }\n"
                                  "policies:\n"
                                  "  - { name: p, domains: ['*'], repository: main }\n";

static struct {
    struct scratch *scratch;
    struct ev_loop *loop;
    struct clock *clock;
    struct zone *zone;
    struct catalog *catalog;
    struct scheduler *scheduler;
    struct control *control;
    char path[128];
} t;

static int reload(void *ctx, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_INVALID, "config: bad");
}

/* ---- fixture ---- */

static struct control_env control_env(void)
{
    return (struct control_env){.loop = t.loop,
                                .scheduler = t.scheduler,
                                .catalog = t.catalog,
                                .version = "1",
                                .reload = reload};
}

static int setup(void **state)
{
    struct diagnostics diags = {0};
    struct config *config = NULL;
    struct control_env env;
    struct scheduler_env with;

    log_set_level(0);
    scratch_make(state);
    t.scratch = *state;
    t.loop = ev_loop_new(0);
    silent_begin(t.loop);
    t.clock = clock_ev_new(t.loop);
    OK(zone_open("UTC", &t.zone, &err));
    t.catalog = open_writer(t.scratch);
    OK(config_parse(config_text, strlen(config_text), "config", &config, &diags));
    diagnostics_done(&diags);
    with = (struct scheduler_env){.clock = t.clock,
                                  .catalog = t.catalog,
                                  .zone = t.zone,
                                  .hypervisor_new = silent_host_new,
                                  .store_new = silent_store_new};
    OK(scheduler_new(&with, config, &t.scheduler, &err));
    snprintf(t.path, sizeof(t.path), "%s/control.sock", t.scratch->dir);
    env = control_env();
    OK(control_open(&env, t.path, &t.control, &err));
    control_ready(t.control);
    return 0;
}

static int teardown(void **state)
{
    control_close(t.control);
    scheduler_free(t.scheduler);
    silent_end();
    catalog_close(t.catalog);
    zone_free(t.zone);
    free(t.clock);
    ev_loop_destroy(t.loop);
    return scratch_remove(state);
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        ev_run(t.loop, EVRUN_NOWAIT);
}

static int dial(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(addr.sun_path, t.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    turn();
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    turn();
}

/* What has come by now; "EOF" when the daemon has hung up. */
static const char *hear(int fd)
{
    static char text[65536];
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

    if (n == 0)
        return "EOF";
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("want %s in %s", part, text);
}

/* ---- tests ---- */

static void long_name_of_wide_letters(void **state)
{
    (void)state;
    /* One of the three is cut within a letter when it is put into the error's message. */
    for (int pad = 0; pad < 3; pad++) {
        char request[4096] = "{\"v\": 1, \"cmd\": \"run\", \"args\": {\"target\": \"";
        int fd = dial();

        strcat(request, &"xx"[2 - pad]);
        for (int i = 0; i < 400; i++)
            strcat(request, "\xe2\x82\xac");
        strcat(request, "\"}}\n");
        say(fd, request);
        assert_says(hear(fd), "\"code\":\"notfound\"");
        close(fd);
    }
}

static void half_a_request(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "{\"v\": 1, \"cmd\"");
    assert_string_equal(hear(fd), "");
    say(fd, ": \"status\"}\n{\"v\": 2, \"cmd\": \"status\"}\n[]\nnonsense\n");
    {
        const char *text = hear(fd);

        assert_says(text, "\"domains\":2");
        assert_says(text, "\"code\":\"unsupported\"");
        assert_says(text, "not a request");
        assert_says(text, "not JSON");
    }
    close(fd);
    turn();
}

static void too_long_a_request(void **state)
{
    const size_t max = 1088 * 1024;
    char *text = xcalloc(max + 1, 1);
    int fd = dial();

    (void)state;
    memset(text, 'x', max);
    for (size_t sent = 0; sent < max;) {
        ssize_t n = send(fd, text + sent, max - sent, MSG_NOSIGNAL);

        if (n > 0)
            sent += (size_t)n;
        turn();
    }
    assert_says(hear(fd), "at most 1114112 bytes");
    assert_string_equal(hear(fd), "EOF");
    close(fd);
    free(text);
}

static void cancel_while_others_wait(void **state)
{
    int waits = dial(), cancels = dial(), goes = dial();

    (void)state;
    say(waits, "{\"v\": 1, \"cmd\": \"run\", \"args\": {\"target\": \"p\", \"wait\": true}}\n");
    assert_says(hear(waits), "\"event\":\"accepted\"");
    assert_int_equal(scheduler_count(t.scheduler).running, 1);
    assert_int_equal(scheduler_count(t.scheduler).queued, 1);
    close(goes);
    say(cancels, "{\"v\": 1, \"cmd\": \"run\", \"args\": {\"target\": \"p\"}}\n");
    assert_says(hear(cancels), "\"code\":\"busy\"");

    /* The queued one ends from inside the command. */
    say(cancels, "{\"v\": 1, \"cmd\": \"cancel\", \"args\": {\"job\": 2}}\n");
    assert_says(hear(cancels), "\"ok\":true");
    assert_says(hear(waits), "\"outcome\":\"aborted\"");

    /* Whoever waits may cancel as well, over the same connection. */
    say(waits, "{\"v\": 1, \"cmd\": \"cancel\", \"args\": {\"job\": 1}}\n");
    assert_says(hear(waits), "{\"ok\":true,\"result\":{}}");
    assert_int_equal(scheduler_count(t.scheduler).running, 0);
    close(waits);
    close(cancels);
    turn();
}

/* Why a job failed may be cut short within a letter. */
static void one_that_waits_for_a_failure(void **state)
{
    struct err err = ERR_INIT;
    int fd = dial();

    (void)state;
    err_set(&err, ERR_REMOTE, "disk \xe2\x82");
    say(fd, "{\"v\": 1, \"cmd\": \"run\", \"args\": {\"target\": \"h/a\", \"wait\": true}}\n");
    assert_says(hear(fd), "\"event\":\"accepted\"");
    silent_fail_all(&err);
    turn();
    {
        const char *text = hear(fd);

        assert_says(text, "\"outcome\":\"failed\",\"reason\":\"disk ??\"");
        assert_says(text, "{\"ok\":true,\"result\":{}}");
    }
    close(fd);
    turn();
}

static void one_that_waits_goes_away(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "{\"v\": 1, \"cmd\": \"run\", \"args\": {\"target\": \"p\", \"wait\": true}}\n");
    close(fd);
    OK(scheduler_cancel(t.scheduler, 1, &err));
    OK(scheduler_cancel(t.scheduler, 2, &err));
    turn();
    assert_int_equal(scheduler_count(t.scheduler).running + scheduler_count(t.scheduler).queued, 0);
}

static void one_that_does_not_read(void **state)
{
    static const char status[] = "{\"v\": 1, \"cmd\": \"status\"}\n";
    int fd = dial();
    int sent = 0;

    (void)state;
    while (sent < 100000 && send(fd, status, sizeof(status) - 1, MSG_NOSIGNAL) > 0) {
        sent++;
        if (sent % 100 == 0)
            turn();
    }
    turn();
    /* Its place is free again although it has read nothing: the daemon has hung up. */
    assert_int_equal(send(fd, status, sizeof(status) - 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    close(fd);
}

/* The host does not answer: the backup is being begun for as long as the test wants. */
static void one_begun_by_hand(void **state)
{
    int begins = dial(), other = dial(), hears = dial();

    (void)state;
    say(hears, "{\"v\": 1, \"cmd\": \"events\"}\n");
    assert_says(hear(hears), "\"event\":\"listening\"");
    say(begins, "{\"v\": 1, \"cmd\": \"backup-begin\", \"args\": {\"domain\": \"nobody\"}}\n");
    assert_says(hear(begins), "\"code\":\"notfound\"");
    say(begins, "{\"v\": 1, \"cmd\": \"backup-begin\", \"args\": {\"domain\": \"a\","
                " \"backup_xml\": \"<nonsense/>\"}}\n");
    assert_says(hear(begins), "backup XML: ");
    say(begins, "{\"v\": 1, \"cmd\": \"backup-begin\", \"args\": {\"domain\": \"a\","
                " \"checkpoint_xml\": \"<nonsense/>\"}}\n");
    assert_says(hear(begins), "checkpoint XML: ");
    say(begins, "{\"v\": 1, \"cmd\": \"checkpoint-create\", \"args\": {\"domain\": \"a\","
                " \"xml\": \"<nonsense/>\"}}\n");
    assert_says(hear(begins), "checkpoint XML: ");
    say(begins, "{\"v\": 1, \"cmd\": \"backup-begin\", \"args\": {\"domain\": \"h/a\"}}\n");
    assert_string_equal(hear(begins), "");

    say(other, "{\"v\": 1, \"cmd\": \"backup-begin\", \"args\": {\"domain\": \"a\"}}\n");
    assert_says(hear(other), "another backup of domain a is just being begun");
    say(other, "{\"v\": 1, \"cmd\": \"checkpoint-create\", \"args\": {\"domain\": \"a\"}}\n");
    assert_says(hear(other), "\"code\":\"busy\"");
    say(other, "{\"v\": 1, \"cmd\": \"abort\", \"args\": {\"domain\": \"b\"}}\n");
    assert_says(hear(other), "no job of domain b runs");
    say(other, "{\"v\": 1, \"cmd\": \"abort\", \"args\": {\"domain\": \"a\"}}\n");
    assert_says(hear(other), "\"ok\":true");
    turn();
    assert_says(hear(begins), "\"code\":\"canceled\"");
    assert_string_equal(hear(hears), ""); /* it never began: nothing was completed */
    assert_int_equal(scheduler_count(t.scheduler).running, 0);
    close(begins);
    close(other);
    close(hears);
    turn();
}

/* Whoever asks may go before the answer comes, or the daemon may. */
static void askers_go_away(void **state)
{
    int begins = dial(), lists = dial();

    (void)state;
    say(begins, "{\"v\": 1, \"cmd\": \"backup-begin\", \"args\": {\"domain\": \"a\"}}\n");
    say(lists, "{\"v\": 1, \"cmd\": \"checkpoint-list\", \"args\": {\"domain\": \"b\"}}\n");
    close(begins);
    turn();
    say(lists, "{\"v\": 1, \"cmd\": \"abort\", \"args\": {\"domain\": \"a\"}}\n");
    assert_says(hear(lists), "\"ok\":true");
    turn();
    close(lists);
}

static void too_many(void **state)
{
    int fds[80], fd;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = dial();
    assert_string_equal(hear(fds[0]), "");
    assert_string_equal(hear(fds[79]), "EOF");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    turn();
    fd = dial();
    say(fd, "{\"v\": 1, \"cmd\": \"reload\"}\n");
    assert_says(hear(fd), "config: bad");
    close(fd);
}

/* Whoever connects while the daemon has no descriptor left is told so, and others are served when
 * it has. */
static void no_descriptors_left(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int lowest = dup(fd), other;
    struct rlimit was, none;

    (void)state;
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){(rlim_t)lowest, was.rlim_max};
    strcpy(addr.sun_path, t.path);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    turn();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_says(hear(fd), "the daemon has no file descriptors left");
    assert_string_equal(hear(fd), "EOF");
    close(fd);
    other = dial();
    say(other, "{\"v\": 1, \"cmd\": \"status\"}\n");
    assert_says(hear(other), "\"ok\":true");
    close(other);
    turn();
}

/* How it is can be asked from the first moment; all else is met when it has started. */
static void asked_while_it_starts(void **state)
{
    struct control_env env = control_env();
    int fd, other;

    (void)state;
    control_close(t.control);
    OK(control_open(&env, t.path, &t.control, &err));
    fd = dial();
    say(fd, "{\"v\": 1, \"cmd\": \"status\"}\n");
    assert_says(hear(fd), "\"starting\":true");
    say(fd, "{\"v\": 1, \"cmd\": \"domains\"}\n");
    assert_string_equal(hear(fd), "");
    say(fd, "{\"v\": 1, \"cmd\": \"domains\"}\n");
    assert_says(hear(fd), "one request at a time");
    other = dial();
    say(other, "{\"v\": 1, \"cmd\": \"domains\"}\n");
    close(other);
    turn();
    control_ready(t.control);
    turn();
    assert_says(hear(fd), "\"ok\":true");
    say(fd, "{\"v\": 1, \"cmd\": \"status\"}\n");
    assert_says(hear(fd), "\"starting\":false");
    close(fd);
    turn();
}

static void something_else_at_the_path(void **state)
{
    CLEANUP_FREE char *path = xasprintf("%s/precious", t.scratch->dir);
    struct control_env env = control_env();
    struct control *second = NULL;
    struct stat st;
    FILE *f = fopen(path, "w");

    (void)state;
    fclose(f);
    FAILS(ERR_EXISTS, "not a socket", control_open(&env, path, &second, &err));
    assert_int_equal(stat(path, &st), 0);
    FAILS(ERR_BUSY, "another daemon", control_open(&env, t.path, &second, &err));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(long_name_of_wide_letters),
        TEST(asked_while_it_starts),
        TEST(half_a_request),
        TEST(too_long_a_request),
        TEST(cancel_while_others_wait),
        TEST(one_that_waits_for_a_failure),
        TEST(one_that_waits_goes_away),
        TEST(one_that_does_not_read),
        TEST(one_begun_by_hand),
        TEST(askers_go_away),
        TEST(too_many),
        TEST(no_descriptors_left),
        TEST(something_else_at_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

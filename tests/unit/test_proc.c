/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/proc.h"
#include "base/proc_beside.h"

struct run {
    int done;
    struct err err;
    int lines;
    struct proc_result res;
    struct op *op;
};

static void on_done(void *ctx, const struct err *err)
{
    struct run *r = ctx;

    r->done++;
    r->err = err ? *err : ERR_INIT;
}

static void on_line(void *ctx, const char *line)
{
    struct run *r = ctx;

    r->lines++;
    assert_null(strchr(line, '\n'));
}

static void start(struct run *r, const char *script, double timeout_s, double idle_s, int lines)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct proc_spec spec = {.argv = argv,
                             .timeout_s = timeout_s,
                             .idle_timeout_s = idle_s,
                             .line = lines ? on_line : NULL};

    r->op = proc_start(EV_DEFAULT, &spec, &r->res, on_done, r, &r->err);
    assert_non_null(r->op);
    assert_int_equal(r->done, 0);
}

static struct run run(const char *script, double timeout_s, double idle_s, int lines)
{
    struct run r = {0};

    start(&r, script, timeout_s, idle_s, lines);
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(r.done, 1);
    return r;
}

static void success_and_output(void **state)
{
    struct run r = run("echo hello; test ! -t 0", 60, 0, 0);

    (void)state;
    assert_int_equal(r.err.code, ERR_NONE);
    assert_string_equal(r.res.out, "hello\n");
    free(r.res.out);
    r = run("i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; printf last", 60, 0, 1);
    assert_int_equal(r.lines, 1001);
    free(r.res.out);
    r = run("head -c 1000000 /dev/zero | tr '\\0' x; exit 0", 60, 0, 0);
    assert_int_equal(r.err.code, ERR_NONE);
    assert_int_equal(strlen(r.res.out), 64 * 1024);
    free(r.res.out);
}

static void failures(void **state)
{
    struct run r = run("echo context >&2; echo 'sh: it broke' >&2; exit 3", 60, 0, 0);

    (void)state;
    assert_int_equal(r.err.code, ERR_IO);
    assert_string_equal(r.err.msg, "sh: it broke");
    r = run("echo 'write: No space left on device' >&2; exit 1", 60, 0, 0);
    assert_int_equal(r.err.code, ERR_NOSPACE);
    r = run("kill -SEGV $$", 60, 0, 0);
    assert_non_null(strstr(r.err.msg, "signal 11"));
    r = run("exec /nonexistent/program", 60, 0, 0);
    assert_int_equal(r.err.code, ERR_IO);
}

static void limits(void **state)
{
    struct run r = run("sleep 30", 0.1, 0, 0);

    (void)state;
    assert_int_equal(r.err.code, ERR_TIMEOUT);
    r = run("echo x; sleep 30", 0, 0.2, 0);
    assert_int_equal(r.err.code, ERR_TIMEOUT);
    /* A grandchild in the group that keeps the pipe open dies with it. */
    r = run("sleep 30 & sleep 30", 0.1, 0, 0);
    assert_int_equal(r.err.code, ERR_TIMEOUT);
}

static void cancel(void **state)
{
    struct run r = {0};

    (void)state;
    start(&r, "sleep 30", 0, 0, 0);
    op_cancel(r.op);
    op_cancel(r.op);
    assert_int_equal(r.done, 0);
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(r.done, 1);
    assert_int_equal(r.err.code, ERR_CANCELED);
}

static void input(void **state)
{
    const char *argv[] = {"sh", "-c", "wc -c; readlink /proc/self/fd/0 >&2", NULL};
    char *text = xcalloc(1000001, 1);
    struct proc_spec spec = {.argv = argv, .input = text};
    struct run r = {0};

    (void)state;
    memset(text, 'x', 1000000);
    assert_non_null(proc_start(EV_DEFAULT, &spec, &r.res, on_done, &r, &r.err));
    free(text); /* it was borrowed for the start */
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(r.err.code, ERR_NONE);
    assert_string_equal(r.res.out, "1000000\n");
    free(r.res.out);
}

/* A line has no limit that anything reaches. */
static void long_lines(void **state)
{
    struct run r = run("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end", 60, 0, 1);

    (void)state;
    assert_int_equal(r.err.code, ERR_NONE);
    assert_int_equal(r.lines, 2);
}

/* Signals have their defaults, none is blocked, and the language is plain. */
static void surroundings(void **state)
{
    struct run r = {0};
    sigset_t blocked, before;

    (void)state;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    r = run("sed -n 's/^Sig\\(Blk\\|Ign\\):\\s*//p' /proc/self/status; echo $LC_ALL", 60, 0, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    assert_string_equal(r.res.out, "0000000000000000\n0000000000000000\nC\n");
    free(r.res.out);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    assert_false(sigismember(&blocked, SIGUSR1));
}

static void waiting_for_a_program(void **state)
{
    const char *good[] = {"sh", "-c", "echo out; head -c 300000 /dev/zero >&2", NULL};
    const char *bad[] = {"sh", "-c", "echo 'sh: no' >&2; exit 1", NULL};
    struct err err = ERR_INIT;
    char *out = NULL;

    (void)state;
    assert_int_equal(proc_run(good, &out, &err), 0);
    assert_string_equal(out, "out\n");
    free(out);
    assert_int_equal(proc_run(bad, NULL, &err), -1);
    assert_string_equal(err.msg, "sh: no");
}

struct watched {
    int lines, ticks, stop_after;
};

static bool on_watch(void *ctx, pid_t pid, const char *line)
{
    struct watched *w = ctx;

    assert_true(pid > 0);
    if (line)
        w->lines++;
    else
        w->ticks++;
    return !w->stop_after || w->lines < w->stop_after;
}

static void watching_a_program(void **state)
{
    const char *good[] = {"sh", "-c", "printf 'a\\rb\\r\\nc'; sleep 0.7; echo d", NULL};
    const char *endless[] = {"sh", "-c", "while :; do echo x; sleep 0.05; done", NULL};
    struct err err = ERR_INIT;
    struct watched w = {0};
    char *out = NULL;

    (void)state;
    assert_int_equal(proc_run_watched(good, on_watch, &w, &out, &err), 0);
    assert_string_equal(out, "a\rb\r\ncd\n");
    assert_int_equal(w.lines, 3);
    assert_true(w.ticks > 0);
    free(out);
    w = (struct watched){.stop_after = 2};
    assert_int_equal(proc_run_watched(endless, on_watch, &w, NULL, &err), -1);
    assert_int_equal(err.code, ERR_CANCELED);
}

static struct proc_beside *beside(const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const struct proc_spec spec = {.argv = argv};
    struct proc_beside *p = NULL;
    struct err err = ERR_INIT;

    assert_int_equal(proc_beside_start(&spec, &p, &err), 0);
    return p;
}

static int wait_beside(struct proc_beside *p, struct err *err)
{
    int rc = 0;

    for (int i = 0; i < 1200 && rc == 0; i++)
        rc = proc_beside_wait(p, 50, err);
    return rc;
}

static void beside_it_runs_and_is_ended(void **state)
{
    CLEANUP(proc_beside_freep) struct proc_beside *p = NULL;
    struct err err = ERR_INIT;

    (void)state;
    p = beside("trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done");
    for (int i = 0; i < 1200 && !strstr(proc_beside_said(p), "ready"); i++)
        assert_int_equal(proc_beside_wait(p, 50, &err), 0);
    assert_string_equal(proc_beside_said(p), "ready\n");
}

static void beside_its_end_is_noticed(void **state)
{
    struct proc_beside *p = beside("echo fine");
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(wait_beside(p, &err), 1);
    assert_string_equal(proc_beside_said(p), "fine\n");
    proc_beside_free(p);
    p = beside("echo first >&2; echo 'sh: the reason' >&2; exit 3");
    assert_int_equal(wait_beside(p, &err), -1);
    assert_string_equal(err.msg, "sh: the reason");
    proc_beside_free(p);
    p = beside("head -c 200000 /dev/zero | tr '\\0' x; exit 0"); /* more than is kept */
    assert_int_equal(wait_beside(p, &err), 1);
    assert_int_equal(strlen(proc_beside_said(p)), 64 * 1024);
    proc_beside_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_and_output),
        cmocka_unit_test(failures),
        cmocka_unit_test(limits),
        cmocka_unit_test(cancel),
        cmocka_unit_test(input),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(surroundings),
        cmocka_unit_test(waiting_for_a_program),
        cmocka_unit_test(watching_a_program),
        cmocka_unit_test(beside_it_runs_and_is_ended),
        cmocka_unit_test(beside_its_end_is_noticed),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

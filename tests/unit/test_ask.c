/* SPDX-License-Identifier: MIT
 *
 * A request to vmkeep-store, and what becomes of its answers: here it is a script. */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ask.h"
#include "base/cleanup.h"
#include "base/fsutil.h"

struct end {
    int done;
    struct err err;
};

static void on_done(void *ctx, const struct err *err)
{
    struct end *e = ctx;

    e->done++;
    e->err = err ? *err : ERR_INIT;
}

struct value {
    const char *path;
    uint64_t size;
};

static const struct field fields[] = {
    FIELD(struct value, path, TEXT, .required = true),
    FIELD(struct value, size, UINT64),
};
static const struct record record = RECORD(struct value, fields);

static char dir[128];

/* A script in PATH. */
static void put_script(const char *script)
{
    CLEANUP_FREE char *path = xasprintf("%s/vmkeep-fake", dir);
    CLEANUP_FREE char *text = xasprintf("#!/bin/sh\n%s\n", script);
    struct err err = ERR_INIT;

    assert_int_equal(write_file_durably(path, text, strlen(text), 0700, &err), 0);
}

static struct end ask(const char *script, struct value *ret, double timeout_s)
{
    const struct value q = {.path = "/srv/\xe9", .size = 7};
    const struct ask ask = {"look", &record, &record, &q, ret, timeout_s, .program = "vmkeep-fake"};
    struct end e = {0};
    struct err err = ERR_INIT;

    put_script(script);
    assert_non_null(ask_start(EV_DEFAULT, &ask, on_done, &e, &err));
    assert_int_equal(e.done, 0);
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(e.done, 1);
    return e;
}

#define DONE "echo '{\"done\": {\"path\": \"x\", \"size\": 3}}'"

static void request_and_answer(void **state)
{
    struct value ret = {0};
    struct end e = ask("read line; [ \"$line\" = '{\"do\":\"look\",\"path\":{\"percent\":"
                       "\"/srv/%E9\"},\"size\":7}' ] || exit 9\n"
                       "echo '{\"at\": \"/srv\"}'\n" DONE,
                       &ret, 60);

    (void)state;
    assert_string_equal(e.err.msg, "");
    assert_string_equal(ret.path, "x");
    assert_true(ret.size == 3);
    record_done(&record, &ret);
}

static void what_goes_wrong(void **state)
{
    static const struct {
        const char *script;
        enum err_code code;
        const char *why;
    } cases[] = {
        {"echo '{\"error\": {\"code\": \"busy\", \"errno\": 16, \"text\": \"it is\"}}'; exit 1",
         ERR_BUSY, "it is"},
        {"echo '{\"error\": {\"code\": \"busy\", \"text\": \"without a status\"}}'", ERR_BUSY,
         "without a status"},
        {"echo 'vmkeep-fake: request: it is bad' >&2; exit 2", ERR_IO,
         "vmkeep-fake: request: it is bad"},
        {DONE "; kill -SEGV $$", ERR_IO, "vmkeep-fake: killed by signal 11 (Segmentation fault)"},
        {"exit 0", ERR_PROTOCOL, "vmkeep-fake: it has ended without an answer"},
        {"echo '{\"at\": \"/srv\"}'", ERR_PROTOCOL, "vmkeep-fake: it has ended without an answer"},
        {"echo hello; " DONE, ERR_PROTOCOL, "vmkeep-fake: it answers 'hello': no JSON"},
        {DONE "; " DONE, ERR_PROTOCOL,
         "vmkeep-fake: it answers '{\"done\": {\"path\": \"x\", \"size\": 3}}': a line after the "
         "last"},
        {"echo '{\"done\": {\"size\": 1}}'", ERR_PROTOCOL,
         "vmkeep-fake: its answer: path: is missing"},
        {"echo '{\"error\": {\"code\": \"none\"}}'", ERR_PROTOCOL,
         "vmkeep-fake: it answers '{\"error\": {\"code\": \"none\"}}': an error that is none"},
        {"echo '{\"error\": {\"code\": \"odd\"}}'", ERR_PROTOCOL,
         "vmkeep-fake: it answers '{\"error\": {\"code\": \"odd\"}}': code: is no word that is "
         "known there"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct value ret = {.size = 99};
        struct end e = ask(cases[i].script, &ret, 60);

        assert_string_equal(e.err.msg, cases[i].why);
        assert_int_equal(e.err.code, cases[i].code);
        assert_true(ret.size == 99);
    }
}

/* The error names what it hung on. */
static void what_hangs(void **state)
{
    struct value ret = {0};
    struct end e = ask("echo '{\"at\": \"/a\"}'; echo '{\"at\": \"/b\"}'; sleep 60", &ret, 0.5);

    (void)state;
    assert_int_equal(e.err.code, ERR_TIMEOUT);
    assert_string_equal(e.err.msg, "/b does not answer");
    e = ask("sleep 60", &ret, 0.5);
    assert_string_equal(e.err.msg, "vmkeep-fake: did not end in time");
}

static int setup(void **state)
{
    CLEANUP_FREE char *path = NULL;

    (void)state;
    test_make_dir(dir, sizeof(dir));
    path = xasprintf("%s:%s", dir, getenv("PATH"));
    setenv("PATH", path, 1);
    return 0;
}

static int teardown(void **state)
{
    CLEANUP_FREE char *path = xasprintf("%s/vmkeep-fake", dir);

    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_and_answer),
        cmocka_unit_test(what_goes_wrong),
        cmocka_unit_test(what_hangs),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: MIT
 *
 * A peer through the real vmkeep-libvirt, on libvirt's own test driver (test:///default has one
 * domain, "test", that runs); and through programs that hang, die, and talk nonsense.
 */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "engine/libvirt/peer.h"

struct asked_for {
    char *domain;
};
static const struct field asked_fields[] = {FIELD(struct asked_for, domain, TEXT)};
static const struct record asked_record = RECORD(struct asked_for, asked_fields);

struct text {
    char *xml;
};
static const struct field text_fields[] = {FIELD(struct text, xml, TEXT)};
static const struct record text_record = RECORD(struct text, text_fields);

/* ---- a peer, and what it told ---- */

struct lab {
    struct ev_loop *loop;
    struct peer *peer;
    int ups, downs;
    struct err why;
    bool done;
    struct err err;
    struct text text;
};

static void on_up(void *ctx)
{
    struct lab *lab = ctx;

    lab->ups++;
    ev_break(lab->loop, EVBREAK_ALL);
}

static void on_down(void *ctx, const struct err *why)
{
    struct lab *lab = ctx;

    lab->downs++;
    lab->why = *why;
    ev_break(lab->loop, EVBREAK_ALL);
}

static void on_event(void *ctx, const json_t *event)
{
    (void)ctx;
    (void)event;
}

static const struct peer_events events = {.up = on_up, .down = on_down, .event = on_event};

static void lab_start(struct lab *lab, const char *uri, const char *program)
{
    *lab = (struct lab){.loop = EV_DEFAULT};
    lab->peer = peer_new(lab->loop, uri, program, &events, lab);
    assert_false(peer_is_up(lab->peer, NULL));
    ev_run(lab->loop, 0); /* until up or down */
}

static void lab_end(struct lab *lab)
{
    peer_free(lab->peer);
    ev_run(lab->loop, 0); /* until its program has ended */
    record_done(&text_record, &lab->text);
}

static void on_done(void *ctx, const struct err *err)
{
    struct lab *lab = ctx;

    assert_false(lab->done);
    lab->done = true;
    lab->err = err ? *err : ERR_INIT;
    ev_break(lab->loop, EVBREAK_ALL);
}

static struct op *ask(struct lab *lab, const char *domain, double timeout_s)
{
    const struct asked_for value = {.domain = (char *)domain};
    const struct peer_ask q = {.what = "domain-xml",
                               .request = &asked_record,
                               .value = &value,
                               .answer = &text_record,
                               .ret = &lab->text,
                               .timeout_s = timeout_s};
    struct err err = ERR_INIT;
    struct op *op = peer_ask(lab->peer, &q, on_done, lab, &err);

    lab->done = false;
    lab->err = err;
    return op;
}

static void wait_done(struct lab *lab)
{
    while (!lab->done)
        ev_run(lab->loop, 0);
}

/* A program that is a script. Caller frees. */
static char *script(const char *text)
{
    char *path = xasprintf("%s/peer.sh", getenv("TMPDIR"));
    struct err err = ERR_INIT;

    assert_int_equal(write_file_durably(path, text, strlen(text), 0700, &err), 0);
    return path;
}

/* ---- */

static void asks_the_real_program(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, "test:///default", NULL);
    assert_int_equal(lab.ups, 1);
    assert_true(peer_is_up(lab.peer, NULL));
    assert_non_null(ask(&lab, "test", 30));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_NONE);
    assert_non_null(strstr(lab.text.xml, "<name>test</name>"));
    assert_non_null(ask(&lab, "nope", 30));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_NOTFOUND);
    assert_int_equal(lab.downs, 0);
    lab_end(&lab);
}

static void says_why_it_cannot_connect(void **state)
{
    struct lab lab;
    struct err why = ERR_INIT;

    (void)state;
    lab_start(&lab, "qemu+unix:///system?socket=/nothing/here", NULL);
    assert_int_equal(lab.downs, 1);
    assert_non_null(strstr(lab.why.msg, "/nothing/here"));
    assert_non_null(strstr(lab.why.msg, "No such file or directory"));
    assert_false(peer_is_up(lab.peer, &why));
    assert_string_equal(why.msg, lab.why.msg);
    assert_null(ask(&lab, "test", 1));
    assert_int_equal(lab.err.code, ERR_REMOTE);
    lab_end(&lab);
}

/* It answers nothing: the request fails, the program is ended, and another one is started. */
static void one_that_hangs_is_replaced(void **state)
{
    CLEANUP_FREE char *program = script("#!/bin/sh\n"
                                        "echo '{\"event\":{\"what\":\"connected\"}}'\n"
                                        "exec sleep 600\n");
    struct lab lab;

    (void)state;
    lab_start(&lab, "any", program);
    assert_int_equal(lab.ups, 1);
    assert_non_null(ask(&lab, "test", 0.2));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_TIMEOUT);
    assert_non_null(strstr(lab.err.msg, "has not answered 'domain-xml'"));
    while (lab.ups < 2)
        ev_run(lab.loop, 0);
    assert_int_equal(lab.downs, 1);
    assert_non_null(strstr(lab.why.msg, "has not answered 'domain-xml'"));
    lab_end(&lab);
    unlink(program);
}

/* What was asked fails, and says why the connection was lost. */
static void one_that_dies_fails_what_was_asked(void **state)
{
    CLEANUP_FREE char *program =
        script("#!/bin/sh\n"
               "echo '{\"event\":{\"what\":\"connected\"}}'\n"
               "read -r line\n"
               "echo '{\"event\":{\"what\":\"closed\",\"why\":\"libvirtd closed it\"}}'\n"
               "exit 1\n");
    struct lab lab;

    (void)state;
    lab_start(&lab, "any", program);
    assert_non_null(ask(&lab, "test", 30));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_REMOTE);
    assert_string_equal(lab.err.msg, "libvirtd closed it");
    lab_end(&lab);
    unlink(program);
}

static void nonsense_is_an_error_that_quotes_it(void **state)
{
    CLEANUP_FREE char *program = script("#!/bin/sh\necho 'Hello, world'\nexec sleep 600\n");
    struct lab lab;

    (void)state;
    lab_start(&lab, "any", program);
    assert_int_equal(lab.downs, 1);
    assert_non_null(strstr(lab.why.msg, "says 'Hello, world'"));
    lab_end(&lab);
    unlink(program);
}

static void a_cancel_ends_the_waiting_alone(void **state)
{
    struct lab lab;
    struct op *op;

    (void)state;
    lab_start(&lab, "test:///default", NULL);
    op = ask(&lab, "test", 30);
    op_cancel(op);
    assert_false(lab.done);
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_CANCELED);
    assert_non_null(ask(&lab, "test", 30));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_NONE);
    assert_int_equal(lab.downs, 0);
    lab_end(&lab);
}

static void free_completes_what_was_asked(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, "test:///default", NULL);
    assert_non_null(ask(&lab, "test", 30));
    peer_free(lab.peer);
    assert_true(lab.done);
    assert_int_equal(lab.err.code, ERR_CANCELED);
    ev_run(lab.loop, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_the_real_program),
        cmocka_unit_test(says_why_it_cannot_connect),
        cmocka_unit_test(one_that_hangs_is_replaced),
        cmocka_unit_test(one_that_dies_fails_what_was_asked),
        cmocka_unit_test(nonsense_is_an_error_that_quotes_it),
        cmocka_unit_test(a_cancel_ends_the_waiting_alone),
        cmocka_unit_test(free_completes_what_was_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

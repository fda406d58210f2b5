/* SPDX-License-Identifier: MIT
 *
 * A QEMU that is started is seen at once, by its socket, however long the domain was shut off
 * and whatever was tried meanwhile. */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/integration/qmp_support.h"

#define TRIES 8 /* each once doubled the pause: more than a minute */
#define SOON_S 5.0

static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)revents;
    *(bool *)w->data = true;
    ev_break(loop, EVBREAK_ONE);
}

static void turn(double seconds)
{
    bool late = false;
    ev_timer timer;

    ev_timer_init(&timer, on_late, seconds, 0);
    timer.data = &late;
    ev_timer_start(EV_DEFAULT, &timer);
    while (!late)
        ev_run(EV_DEFAULT, EVRUN_ONCE);
}

static enum domain_state state_of(struct lab *lab)
{
    struct domain_facts *f = lab_look(lab);
    enum domain_state state = f->state;

    domain_facts_free(f);
    return state;
}

/* Without being asked for. */
static void is_seen(struct lab *lab)
{
    int before = lab->domain_events;

    turn(0.2);
    state_of(lab); /* the connection was lost: that is all that is known at first */
    for (int i = 0; i < TRIES; i++)
        assert_int_equal(state_of(lab), DOMAIN_SHUTOFF);
    turn(0.2);
    before = lab->domain_events;
    test_qemu_start(&lab->qemu);
    for (double waited = 0; lab->domain_events == before; waited += 0.05) {
        assert_true(waited < SOON_S);
        turn(0.05);
    }
    assert_int_equal(state_of(lab), DOMAIN_PAUSED);
}

static void started_again(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, 1);
    assert_int_equal(state_of(&lab), DOMAIN_PAUSED);
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            test_qemu_quit(&lab.qemu);
        else
            test_qemu_kill(&lab.qemu); /* the socket's file stays */
        is_seen(&lab);
    }
    lab_done(&lab);
}

/* The socket's directory is made when QEMU is. */
static void directory_made_later(void **state)
{
    CLEANUP_FREE char *outer = NULL, *inner = NULL;
    struct lab lab;

    (void)state;
    lab_start(&lab, 1);
    lab_stop_driver(&lab);
    test_qemu_quit(&lab.qemu);
    outer = test_qemu_path(&lab.qemu, "run");
    inner = xasprintf("%s/web01", outer);
    free(lab.qemu.qmp);
    lab.qemu.qmp = xasprintf("%s/qmp", inner);
    lab_start_driver(&lab);
    for (int i = 0; i < TRIES; i++)
        assert_int_equal(state_of(&lab), DOMAIN_SHUTOFF);
    turn(1.5);
    assert_int_equal(mkdir(outer, 0700), 0);
    assert_int_equal(mkdir(inner, 0700), 0);
    is_seen(&lab);
    test_qemu_quit(&lab.qemu);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(rmdir(outer), 0);
    assert_int_equal(state_of(&lab), DOMAIN_SHUTOFF);
    turn(1.5);
    assert_int_equal(mkdir(outer, 0700), 0);
    assert_int_equal(mkdir(inner, 0700), 0);
    is_seen(&lab);
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(started_again),
        cmocka_unit_test(directory_made_later),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

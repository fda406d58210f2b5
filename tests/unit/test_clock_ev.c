/* SPDX-License-Identifier: MIT
 *
 * A loop that has nothing to do sleeps.  By itself libev wakes once a minute, to see whether the
 * clock was set.
 */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/clock_ev.h"

static int waited_ms;

/* libev's call comes here. */
__attribute__((visibility("default"))) int epoll_wait(int fd, struct epoll_event *events, int max,
                                                      int timeout_ms)
{
    (void)fd;
    (void)events;
    (void)max;
    waited_ms = timeout_ms;
    return 0;
}

static void never(struct ev_loop *l, ev_io *w, int revents)
{
    (void)l;
    (void)w;
    (void)revents;
}

static void a_loop_without_work_sleeps_for_long(void **state)
{
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    struct clock *clock = clock_ev_new(loop);
    ev_io io;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    ev_io_init(&io, never, ends[0], EV_READ);
    ev_io_start(loop, &io);
    ev_run(loop, EVRUN_ONCE);
    if (waited_ms < 3600 * 1000)
        fail_msg("it wakes after %d ms", waited_ms);
    ev_io_stop(loop, &io);
    waited_ms = 0;
    ev_run(loop, 0); /* the clock keeps no loop from ending */
    assert_int_equal(waited_ms, 0);
    close(ends[0]);
    close(ends[1]);
    free(clock);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_loop_without_work_sleeps_for_long)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

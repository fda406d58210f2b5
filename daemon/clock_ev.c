/* SPDX-License-Identifier: MIT
 *
 * The only file of the daemon that reads a clock (and base/uptime.c).  Wall-clock alarms are
 * ev_periodic, which follow clock steps and suspend; waits are ev_timer, which count elapsed
 * time (libev's manual).  That the clock is set the kernel tells by a timer that never elapses
 * (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET): nothing is polled.  Nor by libev, which looks at
 * the clock once a minute unless it has an ev_periodic.
 */
#include "daemon/clock_ev.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/uptime.h"

#define NEVER ((time_t)1 << 33) /* in 2242 */

struct clock_ev {
    struct clock clock;
    struct ev_loop *loop;
    ev_periodic never;
};

static int64_t clock_now(struct clock *c)
{
    return (int64_t)ev_now(((struct clock_ev *)c)->loop);
}

static int64_t clock_elapsed(struct clock *c)
{
    struct timespec t;

    (void)c;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int64_t clock_elapsed_ms(struct clock *c)
{
    struct timespec ts;

    (void)c;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t clock_uptime(struct clock *c)
{
    (void)c;
    return uptime_seconds();
}

static const char *clock_boot(struct clock *c)
{
    (void)c;
    return uptime_boot();
}

/* By what the loop takes for the time, as now() does, but not of its turn's beginning. */
static int64_t clock_ahead_ms(struct clock *c)
{
    struct ev_loop *loop = ((struct clock_ev *)c)->loop;

    ev_now_update(loop);
    return (int64_t)(ev_now(loop) * 1000) - uptime_ms();
}

static void clock_stop(struct clock *c, struct alarm *a)
{
    struct ev_loop *loop = ((struct clock_ev *)c)->loop;

    if (!a->armed)
        return;
    switch (a->kind) {
    case ALARM_AT:
        ev_periodic_stop(loop, &a->u.periodic);
        break;
    case ALARM_AFTER:
        ev_timer_stop(loop, &a->u.timer);
        break;
    case ALARM_WHEN_SET:
        ev_io_stop(loop, &a->u.io);
        close(a->u.io.fd);
        break;
    }
    a->armed = false;
}

static void fire(struct alarm *a)
{
    a->armed = false;
    a->fire(a->ctx);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    fire(CONTAINER_OF(w, struct alarm, u.timer));
}

static void on_periodic(struct ev_loop *loop, ev_periodic *w, int revents)
{
    (void)loop;
    (void)revents;
    fire(CONTAINER_OF(w, struct alarm, u.periodic));
}

static void clock_at(struct clock *c, struct alarm *a, int64_t at)
{
    clock_stop(c, a);
    ev_periodic_init(&a->u.periodic, on_periodic, (double)at, 0, NULL);
    ev_periodic_start(((struct clock_ev *)c)->loop, &a->u.periodic);
    a->armed = true;
    a->kind = ALARM_AT;
}

static void clock_after(struct clock *c, struct alarm *a, double seconds)
{
    clock_stop(c, a);
    ev_timer_init(&a->u.timer, on_timer, seconds, 0);
    ev_timer_start(((struct clock_ev *)c)->loop, &a->u.timer);
    a->armed = true;
    a->kind = ALARM_AFTER;
}

static int wait_for_set(int fd)
{
    const struct itimerspec never = {.it_value.tv_sec = NEVER};

    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

/* It stays armed; the owner may stop it. */
static void on_set(struct ev_loop *loop, ev_io *w, int revents)
{
    struct alarm *a = CONTAINER_OF(w, struct alarm, u.io);
    uint64_t times;

    (void)loop;
    (void)revents;
    if (read(w->fd, &times, sizeof(times)) < 0 && errno == EAGAIN)
        return;
    wait_for_set(w->fd);
    a->fire(a->ctx);
}

/* Without it the clock is looked at whenever there is something to do. */
static void clock_when_set(struct clock *c, struct alarm *a)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

    clock_stop(c, a);
    if (fd < 0 || wait_for_set(fd) < 0) {
        log_warning("the kernel will not tell when the clock is set: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    ev_io_init(&a->u.io, on_set, fd, EV_READ);
    ev_io_start(((struct clock_ev *)c)->loop, &a->u.io);
    a->armed = true;
    a->kind = ALARM_WHEN_SET;
}

static void on_never(struct ev_loop *loop, ev_periodic *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
}

struct clock *clock_ev_new(struct ev_loop *loop)
{
    static const struct clock_ops ops = {
        clock_now,        clock_elapsed, clock_at,   clock_after,    clock_stop,
        clock_elapsed_ms, clock_uptime,  clock_boot, clock_ahead_ms, clock_when_set};
    struct clock_ev *c = xcalloc(1, sizeof(*c));

    c->clock.ops = &ops;
    c->loop = loop;
    ev_periodic_init(&c->never, on_never, (double)NEVER, 0, NULL);
    ev_periodic_start(loop, &c->never);
    ev_unref(loop); /* it keeps no loop from ending */
    return &c->clock;
}

/* SPDX-License-Identifier: MIT
 *
 * The only file of the daemon that reads a clock (and base/uptime.c).  Wall-clock alarms are
 * ev_periodic, which follow clock steps and suspend; waits are ev_timer, which count elapsed
 * time (libev's manual).
 */
#include "scheduler/clock.h"

#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/uptime.h"

struct clock_ev {
    struct clock clock;
    struct ev_loop *loop;
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

static void clock_stop(struct clock *c, struct alarm *a)
{
    struct ev_loop *loop = ((struct clock_ev *)c)->loop;

    if (!a->armed)
        return;
    if (a->wall)
        ev_periodic_stop(loop, &a->u.periodic);
    else
        ev_timer_stop(loop, &a->u.timer);
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
    a->armed = a->wall = true;
}

static void clock_after(struct clock *c, struct alarm *a, double seconds)
{
    clock_stop(c, a);
    ev_timer_init(&a->u.timer, on_timer, seconds, 0);
    ev_timer_start(((struct clock_ev *)c)->loop, &a->u.timer);
    a->armed = true;
    a->wall = false;
}

struct clock *clock_ev_new(struct ev_loop *loop)
{
    static const struct clock_ops ops = {clock_now,  clock_elapsed,    clock_at,     clock_after,
                                         clock_stop, clock_elapsed_ms, clock_uptime, clock_boot};
    struct clock_ev *c = xcalloc(1, sizeof(*c));

    c->clock.ops = &ops;
    c->loop = loop;
    return &c->clock;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/watchdog.h"

#include <stdint.h>
#include <systemd/sd-daemon.h>

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
    sd_notify(0, "WATCHDOG=1");
}

void watchdog_start(struct ev_loop *loop, ev_timer *timer)
{
    uint64_t usec;
    double half;

    if (sd_watchdog_enabled(0, &usec) <= 0)
        return;
    half = (double)usec / 2e6;
    ev_timer_init(timer, on_timer, half, half);
    ev_timer_start(loop, timer);
}

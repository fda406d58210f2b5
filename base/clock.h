/* SPDX-License-Identifier: MIT
 *
 * clock: time as jobs and the scheduler see it, an interface, so that simulations bring their own.
 */
#ifndef VMKEEP_BASE_CLOCK_H
#define VMKEEP_BASE_CLOCK_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct clock;

/* Something to be called once, or each time that the clock is set.  Embedded in its owner; zeroed,
 * with fire and ctx set, it is idle.  The rest belongs to the clock. */
struct alarm {
    void (*fire)(void *ctx);
    void *ctx;
    bool armed;
    enum { ALARM_AFTER, ALARM_AT, ALARM_WHEN_SET } kind;
    union {
        ev_timer timer;
        ev_periodic periodic;
        ev_io io;
        int64_t sim_at; /* a simulation's */
    } u;
};

struct clock_ops {
    int64_t (*now)(struct clock *c);     /* wall clock, seconds UTC */
    int64_t (*elapsed)(struct clock *c); /* seconds since some moment; nobody sets this one */
    /* When the wall clock shows `at`, also after it was set (at once when that is past). */
    void (*at)(struct clock *c, struct alarm *a, int64_t at);
    /* After so many seconds have gone by; 0: on the next turn of the loop. */
    void (*after)(struct clock *c, struct alarm *a, double seconds);
    void (*stop)(struct clock *c, struct alarm *a); /* fine when idle */
    int64_t (*elapsed_ms)(struct clock *c);         /* elapsed, in milliseconds */
    /* As in base/uptime.h: seconds since the boot, and which that was. */
    int64_t (*uptime)(struct clock *c);
    const char *(*boot)(struct clock *c);
    /* The wall clock less the time since the boot, in milliseconds, both of one moment: it changes
     * only when somebody sets the clock, however long the loop's turn takes. */
    int64_t (*ahead_ms)(struct clock *c);
    /* Each time that somebody sets the wall clock, until it is stopped.  Perhaps also when the
     * machine wakes up from a suspend.  Not when the clock is slewed, nor when only what this
     * process is told of it changes (libfaketime). */
    void (*when_set)(struct clock *c, struct alarm *a);
};

struct clock {
    const struct clock_ops *ops;
};

#endif

/* SPDX-License-Identifier: MIT
 *
 * clock_ev: the real clock, on a libev loop. */
#ifndef VMKEEP_DAEMON_CLOCK_EV_H
#define VMKEEP_DAEMON_CLOCK_EV_H

#include "base/clock.h"

/* Free with free(), when the loop has run for the last time. */
struct clock *clock_ev_new(struct ev_loop *loop);

#endif

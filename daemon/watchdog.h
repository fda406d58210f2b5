/* SPDX-License-Identifier: MIT
 *
 * watchdog: systemd is told that the loop turns.
 */
#ifndef VMKEEP_DAEMON_WATCHDOG_H
#define VMKEEP_DAEMON_WATCHDOG_H

#include <ev.h>

/* Where systemd wants to be told (sd_watchdog_enabled(3)), it is, twice in its time, by the loop
 * alone: one that stands is ended and started again.  timer: to live as long as the loop. */
void watchdog_start(struct ev_loop *loop, ev_timer *timer);

#endif

/* SPDX-License-Identifier: MIT
 *
 * clock_watch: whether the wall clock is to be believed.
 */
#ifndef VMKEEP_SCHEDULER_CLOCK_WATCH_H
#define VMKEEP_SCHEDULER_CLOCK_WATCH_H

struct scheduler;

void clock_watch_start(struct scheduler *s);
void clock_watch_stop(struct scheduler *s);
/* For each step that the daemon makes: was the clock set?  Cheap when it was not. */
void clock_watch_look(struct scheduler *s);
/* Why nothing may be let go now, "the clock is not set", say; NULL: it may. */
const char *clock_watch_doubt(struct scheduler *s);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/.  How jobs are just now, for whoever asks (scheduler.h).
 */
#ifndef VMKEEP_SCHEDULER_LIVE_H
#define VMKEEP_SCHEDULER_LIVE_H

struct scheduler;

void live_free_all(struct scheduler *s); /* they are not answered any more */

#endif

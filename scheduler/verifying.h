/* SPDX-License-Identifier: MIT
 *
 * verifying: when points are read again, by the policies' schedules.
 */
#ifndef VMKEEP_SCHEDULER_VERIFYING_H
#define VMKEEP_SCHEDULER_VERIFYING_H

struct scheduler;

/* What is due by now is queued; the alarm is set for what comes next.  Also after the configuration
 * or the clock has changed. */
void verifying_due(void *scheduler);

#endif

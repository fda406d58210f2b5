/* SPDX-License-Identifier: MIT
 *
 * admit: which of the waiting jobs may start.
 */
#ifndef VMKEEP_SCHEDULER_ADMIT_H
#define VMKEEP_SCHEDULER_ADMIT_H

/* Begins what may; while draining, says when nothing runs any more.  ctx: the scheduler. */
void admit_jobs(void *ctx);

#endif

/* SPDX-License-Identifier: MIT
 *
 * unfinished: what was being let go of when the daemon stopped.
 */
#ifndef VMKEEP_SCHEDULER_UNFINISHED_H
#define VMKEEP_SCHEDULER_UNFINISHED_H

struct scheduler;

/* Queues a prune for each chain that has such; once settled, and when a repository that was away
 * has been compared. */
void unfinished_prune(struct scheduler *s);

#endif

/* SPDX-License-Identifier: MIT
 *
 * unfinished: what was being let go of when the daemon stopped, or is left of a failed backup.
 */
#ifndef VMKEEP_SCHEDULER_UNFINISHED_H
#define VMKEEP_SCHEDULER_UNFINISHED_H

struct scheduler;

/* Queues a prune for each chain that has such; once settled, when a repository that was away has
 * been compared, and when a policy covers a domain no more. */
void unfinished_prune(struct scheduler *s);

#endif

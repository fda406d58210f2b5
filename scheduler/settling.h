/* SPDX-License-Identifier: MIT
 *
 * settling: whether everything that answers has been looked at once.
 */
#ifndef VMKEEP_SCHEDULER_SETTLING_H
#define VMKEEP_SCHEDULER_SETTLING_H

struct scheduler;

void settle_if_seen(struct scheduler *s); /* after the end of a look */

#endif

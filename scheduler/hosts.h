/* SPDX-License-Identifier: MIT
 *
 * hosts: those that tell their domains late, or have others than before.
 */
#ifndef VMKEEP_SCHEDULER_HOSTS_H
#define VMKEEP_SCHEDULER_HOSTS_H

struct host;
struct hv_event;
struct scheduler;

void hosts_made(struct host *h);                              /* just now */
void hosts_on_event(void *ctx, const struct hv_event *event); /* ctx: the host */
/* Of domains of a host that is waited for no more it is recorded that they are unreachable. */
void hosts_say_late(struct scheduler *s);

#endif

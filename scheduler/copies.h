/* SPDX-License-Identifier: MIT
 *
 * copies: one of the catalog in each repository.
 */
#ifndef VMKEEP_SCHEDULER_COPIES_H
#define VMKEEP_SCHEDULER_COPIES_H

#include <stdbool.h>

struct scheduler;

void copies_consider(struct scheduler *s); /* after anything that may have changed points */
void copies_retry(struct scheduler *s);    /* where it failed */
bool copies_are_under_way(const struct scheduler *s);
void copies_step(void *ctx); /* the alarm; ctx: the scheduler */
void copies_free(struct scheduler *s);

#endif

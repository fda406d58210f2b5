/* SPDX-License-Identifier: MIT
 *
 * targets: what a request names: a policy, or a domain under each policy that covers it.
 */
#ifndef VMKEEP_SCHEDULER_TARGETS_H
#define VMKEEP_SCHEDULER_TARGETS_H

#include <stddef.h>

#include "base/err.h"

struct scheduler;

typedef int target_fn(struct scheduler *s, size_t cover, void *arg, struct err *err);

/* Calls fn for each cover that target names (NULL: all); how many that were, or -1. */
int targets_each(struct scheduler *s, const char *target, target_fn *fn, void *arg,
                 struct err *err);

#endif

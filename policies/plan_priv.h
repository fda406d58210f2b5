/* SPDX-License-Identifier: MIT
 *
 * Private to plan.c (what is due) and plan_history.c (what has been dealt with).
 */
#ifndef VMKEEP_POLICIES_PLAN_PRIV_H
#define VMKEEP_POLICIES_PLAN_PRIV_H

#include "policies/plan.h"

/* The first elapse of any of the expressions strictly after `after`. */
bool plan_elapse(const struct calspec_list *list, const struct zone *zone, int64_t after,
                 int64_t *ret);

/* No run begins within so many seconds of the last. */
int64_t plan_gap(const struct plan_history *h);

/* For how long there was no run, at least; INT64_MAX: there was none ever. */
int64_t plan_since_last(const struct plan_history *h, int64_t now);

/* Was a run made for this very time already, by a clock that was set back since, and too short a
 * time ago for another? */
bool plan_is_repeated(const struct config_policy *policy, const struct zone *zone,
                      const struct plan_history *h, int64_t elapse, int64_t now);

#endif

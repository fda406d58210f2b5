/* SPDX-License-Identifier: MIT
 *
 * Private to policies/: what a policy promises and cannot keep, as far as the configuration alone
 * tells.  Each is a sentence, NULL when there is nothing to say; caller frees.
 */
#ifndef VMKEEP_POLICIES_CONFIG_PROMISES_H
#define VMKEEP_POLICIES_CONFIG_PROMISES_H

#include "policies/config.h"

/* Its rpo is no longer than its schedule's longest gap. */
char *config_broken_rpo(const struct config_policy *p, const struct zone *zone);

/* Its points are to be read again within a time that is no longer than the longest gap of the
 * schedule by which they are. */
char *config_broken_max_age(const struct config_policy *p, const struct zone *zone);

/* Domains of it that are to be quiesced have no agent.  Where some have one, `try` is meant. */
char *config_broken_quiesce(const struct config *c, const struct config_policy *p);

#endif

/* SPDX-License-Identifier: MIT
 *
 * idle: policies that no domain was told of, and globs of their disks that select nothing, where
 * that can be known.
 */
#ifndef VMKEEP_REPORT_GATHER_IDLE_H
#define VMKEEP_REPORT_GATHER_IDLE_H

#include "policies/config.h"
#include "report/gather/domains.h"
#include "report/reason.h"

struct idle;

/* config: borrowed. */
struct idle *idle_new(const struct config *config);
void idle_free(struct idle *g);
/* A policy of the configuration that selects a domain with these disks; none: not known. */
void idle_use(struct idle *g, const struct config_policy *policy,
              const struct seen_disk_list *disks);
/* known: as domains_known gives them. */
void idle_warn(const struct idle *g, const struct domain_names *known,
               struct reason_list *warnings);

#endif

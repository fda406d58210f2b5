/* SPDX-License-Identifier: MIT
 *
 * points: restore points of the catalog, each with the judgement of its date.
 */
#ifndef VMKEEP_REPORT_GATHER_POINTS_H
#define VMKEEP_REPORT_GATHER_POINTS_H

#include "policies/config.h"
#include "report/gather/domains.h"
#include "storage/catalog/catalog.h"

/* As of now.  The filter asks for whole domains or policies: dates are held against one another. */
int points_gather(struct catalog *catalog, const struct point_filter *filter, int64_t now,
                  struct point_list *ret, struct err *err);

/* All points of every domain that text may mean: the domain itself, or one of its points (see
 * point_is_meant). */
int points_meant(struct catalog *catalog, const char *text, int64_t now, struct point_list *ret,
                 struct err *err);

/* Does its policy, as it is configured, cover its domain, which is one of the known?  What is not
 * covered is judged by no rule: it stays. */
bool point_is_covered(const struct config *config, const struct domain_names *known,
                      const struct point *p);

#endif

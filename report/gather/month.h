/* SPDX-License-Identifier: MIT
 *
 * month: when a policy is due on the days of some months, by the wall clock of a zone.
 */
#ifndef VMKEEP_REPORT_GATHER_MONTH_H
#define VMKEEP_REPORT_GATHER_MONTH_H

#include "policies/due.h"
#include "report/month.h"

/* When the first of the days begins, and when the last has ended. */
void month_span(const struct zone *zone, const struct month_date *from, const struct month_date *to,
                int64_t *ret_from, int64_t *ret_to);

struct month_date month_date_of(const struct zone *zone, int64_t t);
/* The last day of its month, so many months on. */
struct month_date month_end_of(const struct month_date *d, int months);

/* ret: title, from and to are filled in. dues: due_between of that span. */
void month_gather(const struct dues *dues, const struct zone *zone, struct month_view *ret);

#endif

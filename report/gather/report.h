/* SPDX-License-Identifier: MIT
 *
 * report: what came of a period, gathered from the catalog (report/report.h).
 */
#ifndef VMKEEP_REPORT_GATHER_REPORT_H
#define VMKEEP_REPORT_GATHER_REPORT_H

#include "report/report.h"
#include "storage/catalog/catalog.h"

/* r: status, machine, policy and since are filled in.  Released by the caller in any case. */
int report_gather(struct catalog *catalog, struct report *r, struct err *err);

#endif

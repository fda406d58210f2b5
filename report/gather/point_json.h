/* SPDX-License-Identifier: MIT
 *
 * point_json: a restore point as JSON, as commands print it and the API has it.
 */
#ifndef VMKEEP_REPORT_GATHER_POINT_JSON_H
#define VMKEEP_REPORT_GATHER_POINT_JSON_H

#include <jansson.h>

#include "report/point_copies.h"

/* Caller owns it.  copies: of the list that the point is in.  problem: why its repository cannot be
 * looked at now; NULL: it can, as far as is known. */
json_t *point_json(const struct point *p, const struct point_copies *copies, const char *problem,
                   int64_t now);

#endif

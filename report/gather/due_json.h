/* SPDX-License-Identifier: MIT
 *
 * due_json: when a policy is due, and what it will have kept, as JSON, as commands print it and the
 * API has it.
 */
#ifndef VMKEEP_REPORT_GATHER_DUE_JSON_H
#define VMKEEP_REPORT_GATHER_DUE_JSON_H

#include <jansson.h>

#include "policies/due.h"
#include "policies/preview.h"

/* An array of {at, local, kind}, in their order: the caller's. */
json_t *dues_json(const struct dues *dues, const struct zone *zone);

/* At its end: {at, made, points, fulls, oldest}: the caller's. */
json_t *kept_json(const struct preview_span *span);

#endif

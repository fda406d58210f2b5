/* SPDX-License-Identifier: MIT
 *
 * job_json: a job of the catalog as JSON, as `vmkeep jobs --json` prints it.
 */
#ifndef VMKEEP_REPORT_GATHER_JOB_JSON_H
#define VMKEEP_REPORT_GATHER_JOB_JSON_H

#include <jansson.h>

#include "storage/catalog/catalog.h"

/* Caller owns it. */
json_t *job_json(const struct job *j);

/* Why it ended as it did: the error's code where there is one, or else the outcome. */
json_t *job_reasons_json(const struct job *j);

#endif

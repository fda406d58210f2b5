/* SPDX-License-Identifier: MIT
 *
 * job_json: a job of the catalog as JSON, as commands print it and the API has it.
 */
#ifndef VMKEEP_REPORT_GATHER_JOB_JSON_H
#define VMKEEP_REPORT_GATHER_JOB_JSON_H

#include <jansson.h>

#include "storage/catalog/catalog.h"

/* Caller owns it.  interrupted: it runs by the catalog, and no daemon does. */
json_t *job_json(const struct job *j, bool interrupted);

/* Why it ended as it did: the error's code where there is one, or else the outcome. */
json_t *job_reasons_json(const struct job *j);

#endif

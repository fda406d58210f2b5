/* SPDX-License-Identifier: MIT
 *
 * answer_json: what the scheduler answers, as the JSON of the control socket. */
#ifndef VMKEEP_DAEMON_ANSWER_JSON_H
#define VMKEEP_DAEMON_ANSWER_JSON_H

#include <jansson.h>

#include "jobs/answers.h"

/* Caller owns it. */
json_t *answer_json(const struct api_answer *a);

#endif

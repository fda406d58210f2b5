/* SPDX-License-Identifier: MIT
 *
 * pin: pins of points, as they are asked for: in the catalog and beside the point's manifest
 * (storage/repository/pin.h).
 */
#ifndef VMKEEP_JOBS_PIN_H
#define VMKEEP_JOBS_PIN_H

#include "base/pin.h"
#include "jobs/api.h"
#include "jobs/env.h"

/* Pins the point of that id, or, since 0, takes its pin.  Answers when its file is written, or is
 * gone; until then it counts as pinned.  ERR_NOTFOUND: no such point, or its repository is not
 * there; ERR_BUSY: it is being let go of, or its pin is being changed; ERR_DENIED: the domain's
 * directory belongs to another catalog; ERR_INVALID as pin_check has it. */
void pin_set(struct job_env *e, const char *id, const struct point_pin *pin,
             struct api_reply reply);

void pins_free(struct job_env *e);

#endif

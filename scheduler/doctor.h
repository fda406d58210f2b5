/* SPDX-License-Identifier: MIT
 *
 * doctor: a fresh look at everything, asked for by hand (scheduler_doctor in
 * scheduler.h).
 */
#ifndef VMKEEP_SCHEDULER_DOCTOR_H
#define VMKEEP_SCHEDULER_DOCTOR_H

#include "jobs/api.h"

struct scheduler;

/* scheduler_doctor. */
void doctor_start(struct scheduler *s, const char *target, struct api_reply reply);
void doctors_free(struct scheduler *s);

#endif

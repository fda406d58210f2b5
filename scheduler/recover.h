/* SPDX-License-Identifier: MIT
 *
 * recover: settling what a former life left open.
 */
#ifndef VMKEEP_SCHEDULER_RECOVER_H
#define VMKEEP_SCHEDULER_RECOVER_H

#include "base/err.h"

struct scheduler;

int recover(struct scheduler *s, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to report/: the judgement, by what is judged.
 */
#ifndef VMKEEP_REPORT_JUDGE_PRIV_H
#define VMKEEP_REPORT_JUDGE_PRIV_H

#include "report/model.h"

/* r: one of s. */
void judge_repository(struct status_repository *r, const struct status *s);
/* Its copies alone. */
void judge_policy_copies(struct status_policy *p);

#endif

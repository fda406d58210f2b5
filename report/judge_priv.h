/* SPDX-License-Identifier: MIT
 *
 * Private to report/: the judgement, by what is judged.
 */
#ifndef VMKEEP_REPORT_JUDGE_PRIV_H
#define VMKEEP_REPORT_JUDGE_PRIV_H

#include "report/model.h"

/* r: one of s. */
void judge_repository(struct status_repository *r, const struct status *s);
/* Catalog and repository do not agree.  That what is there could not be looked at, which is the
 * repository's own problem, is none. */
bool judge_differs(const struct status_repository *r);
/* Its copies alone. */
void judge_policy_copies(struct status_policy *p);
/* "; repository off has 2 good copies, the newest of TIME", of each that has some; "": none has.
 * Caller frees. */
char *judge_copies_left(const struct status_policy *p);

#endif

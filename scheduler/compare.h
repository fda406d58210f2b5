/* SPDX-License-Identifier: MIT
 *
 * compare: does the catalog know what the repositories have?  What it lacks tells lacks.h.
 */
#ifndef VMKEEP_SCHEDULER_COMPARE_H
#define VMKEEP_SCHEDULER_COMPARE_H

struct repo;
struct survey;

void compare_repo(struct repo *r, const struct survey *found);

#endif

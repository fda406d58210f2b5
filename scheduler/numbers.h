/* SPDX-License-Identifier: MIT
 *
 * numbers: those of jobs, of which names at hypervisors and of points are made: none is given
 * twice, even by a catalog that was put back to an older state.
 */
#ifndef VMKEEP_SCHEDULER_NUMBERS_H
#define VMKEEP_SCHEDULER_NUMBERS_H

#include <stdint.h>

struct domain_facts;
struct repo;
struct scheduler;
struct survey;

/* In names that were found, and in what copies of the catalog say of their last job. */
void numbers_saw_domain(struct scheduler *s, const char *domain, const struct domain_facts *facts);
void numbers_saw_points(struct repo *r, const struct survey *found);
void numbers_saw_copy(const struct repo *r, int64_t last_job);

#endif

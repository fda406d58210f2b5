/* SPDX-License-Identifier: MIT
 *
 * coverage: which policy covers which domain, and what is due.
 */
#ifndef VMKEEP_SCHEDULER_COVERAGE_H
#define VMKEEP_SCHEDULER_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>

struct cover;
struct job_run;
struct scheduler;

void coverage_sync(struct scheduler *s); /* after hosts or policies changed */
void coverage_refresh_all(struct scheduler *s);
struct cover *coverage_find(struct scheduler *s, const char *host, const char *domain,
                            const char *policy);
/* The policy wants such a domain, whether or not its host has it just now. */
bool coverage_wants(struct scheduler *s, const char *host, const char *domain, const char *policy);
/* Ends a queued job that no policy wants any more, or whose domain is gone. */
void coverage_skip(struct job_run *r);
void coverage_ended(struct job_run *r); /* that is over: its policy is looked at again */
void coverage_due(struct scheduler *s); /* queue what is due; re-arm the alarm */
void coverage_arm(struct scheduler *s);
size_t coverage_domains(const struct scheduler *s); /* how many some policy selects */
void coverage_free(struct scheduler *s);

#endif

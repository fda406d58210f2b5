/* SPDX-License-Identifier: MIT
 *
 * places: what belongs to somebody: nothing may be written there.
 */
#ifndef VMKEEP_SCHEDULER_PLACES_H
#define VMKEEP_SCHEDULER_PLACES_H

struct domain_facts;
struct job_run;
struct owned_list;
struct scheduler;

void places_saw_domain(struct scheduler *s, const char *host, const char *domain,
                       const struct domain_facts *facts);
/* All that is somebody's, but for the places of that job. */
void places_list(struct scheduler *s, const struct job_run *except, struct owned_list *ret);
void places_free(struct scheduler *s);

#endif

/* SPDX-License-Identifier: MIT
 *
 * watch: what was last seen of domains and repositories.
 */
#ifndef VMKEEP_SCHEDULER_WATCH_H
#define VMKEEP_SCHEDULER_WATCH_H

#include "base/err.h"

struct domain_facts;
struct host;
struct hv_event;
struct repo;
struct scheduler;
struct store_space;

void watch_all(struct scheduler *s);
void watch_repo(struct scheduler *s, struct repo *r);
/* An alarm's: looks for the repositories that are away. */
void watch_away(void *ctx);
void watch_domain(struct scheduler *s, struct host *h, const char *domain);
/* It answers: if it did not at the start, it is looked at now. */
void watch_newcomer(struct repo *r);
/* Looks again where something differed, or nothing could be looked at. */
void watch_again(struct scheduler *s);
void watch_saw_domain(struct scheduler *s, const char *host, const char *domain,
                      const struct domain_facts *facts);
/* It could not even be looked at. */
void watch_saw_problem(struct scheduler *s, const char *host, const char *domain,
                       const char *problem);
/* space: what the look has found; borrowed. */
void watch_saw_repo(struct scheduler *s, struct repo *r, const struct store_space *space,
                    const struct err *problem);
/* ctx: the host.  Of one domain, not of which there are. */
void watch_on_event(void *ctx, const struct hv_event *event);
void watch_free(struct scheduler *s);

#endif

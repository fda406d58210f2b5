/* SPDX-License-Identifier: MIT
 *
 * resources: hosts and repositories made from the configuration.
 */
#ifndef VMKEEP_SCHEDULER_RESOURCES_H
#define VMKEEP_SCHEDULER_RESOURCES_H

#include <stdbool.h>

struct host;
struct repo;
struct scheduler;

void host_unused(struct host *h);
void repo_unused(struct repo *r);
void resources_sync(struct scheduler *s); /* after s->config changed */
/* The repository of that name is another one from now on, of which nothing is known. */
void resources_renew_repo(struct scheduler *s, const char *name);
/* Stale hosts that nobody uses any more.  True: there were some, coverage has to follow. */
bool resources_replace_stale(struct scheduler *s);
/* Its first look tells which one it is; remembered from then on. */
void repo_saw_id(struct repo *r, const char *id);
void resources_free(struct scheduler *s);

#endif

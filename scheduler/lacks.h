/* SPDX-License-Identifier: MIT
 *
 * lacks: what the catalog was found not to know, and should; found by compare.h.
 */
#ifndef VMKEEP_SCHEDULER_LACKS_H
#define VMKEEP_SCHEDULER_LACKS_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/repository/unknown.h"

struct repo;
struct scheduler;

/* So many points of that kind; *ret_catalog: of which catalog the last one is. */
size_t lacks_count(const struct repo *r, enum unknown_whose whose, const char **ret_catalog);
bool lacks_any(const struct repo *r);
/* Some repository has points of the domain that the catalog does not know, and should. */
bool lacks_points(const struct scheduler *s, const char *host, const char *domain);
/* A bitmap of ours that no row names: may such a point need it? */
bool lacks_may_need(struct scheduler *s, const char *host, const char *domain, const char *bitmap);

/* Tells the log, and who asks for the status, what is lacking in the repository, when that has
 * changed. */
void lacks_say(struct repo *r);

#endif

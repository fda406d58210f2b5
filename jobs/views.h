/* SPDX-License-Identifier: MIT
 *
 * views: a domain's checkpoints as they are; see answers.h.
 */
#ifndef VMKEEP_JOBS_VIEWS_H
#define VMKEEP_JOBS_VIEWS_H

#include "base/err.h"
#include "jobs/answers.h"

struct catalog;

/* facts: borrowed for as long as the list lives. */
int views_load(struct catalog *catalog, const char *host, const char *domain,
               const struct domain_facts *facts, struct view_list *ret, struct err *err);
void views_done(struct view_list *l);
const struct view *views_find(const struct view_list *l, const char *name);
/* Is a a descendant of b? */
bool view_descends(const struct view_list *l, const struct view *a, const char *b);

#endif

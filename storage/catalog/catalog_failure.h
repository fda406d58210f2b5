/* SPDX-License-Identifier: MIT
 *
 * Jobs beside backups that failed, and none of their kind succeeded since: what `status` has to
 * tell without going through all jobs. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_FAILURE_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_FAILURE_H

#include "storage/catalog/catalog.h"

/* The job has ended: that it failed is kept, and a success takes back what was kept of the same
 * kind, domain, policy and repository.  One that was aborted or skipped changes nothing. */
int catalog_failure_note(struct catalog *c, const struct job *j, int64_t now, struct err *err);

/* All, to be asked with catalog_failure_find. */
int catalog_failures(struct catalog *c, struct seen_list *ret, struct err *err);
/* Of it, `problem` is "job 12: REASON", and `at` when that ended.  NULL: it did not fail. */
const struct seen *catalog_failure_find(const struct seen_list *l, const struct job *of);

#endif

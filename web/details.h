/* SPDX-License-Identifier: MIT
 *
 * details: the pages of one domain and of one job, made when they are asked for: some rows of the
 * catalog each.  The sources are the serving thread's own.
 */
#ifndef VMKEEP_WEB_DETAILS_H
#define VMKEEP_WEB_DETAILS_H

#include "web/snapshot.h"

/* path: "HOST/DOMAIN"; the number of a job.  ERR_NOTFOUND: there is none.  ret: to be freed. */
int details_domain(const struct status_sources *d, const struct snapshot *s, const char *path,
                   bool json, struct text *ret, struct err *err);
int details_job(const struct status_sources *d, const struct snapshot *s, const char *number,
                bool json, struct text *ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * details: the pages of one domain and of one job, made when they are asked for: some rows of the
 * catalog each.
 */
#ifndef VMKEEP_WEB_DETAILS_H
#define VMKEEP_WEB_DETAILS_H

#include "web/snapshot.h"

struct details {
    const struct config *config;
    struct catalog *catalog; /* the serving thread's own */
};

/* path: "HOST/DOMAIN"; the number of a job.  ERR_NOTFOUND: there is none.  ret: to be freed. */
int details_domain(const struct details *d, const struct snapshot *s, const char *path, bool json,
                   struct text *ret, struct err *err);
int details_job(const struct details *d, const char *number, bool json, struct text *ret,
                struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * catalog_at_host: how a job is known again at a host whose hypervisor bears no tags, and that it
 * ran until some time at one that keeps no ended job.  See engine/hypervisor.h, enum hv_can. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_AT_HOST_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_AT_HOST_H

#include "storage/catalog/catalog.h"

struct at_host {
    char *place; /* the first that it writes to; NULL: not recorded */
    char *boot;  /* NULL: it was not seen running */
    int64_t ran; /* uptime at that boot when it was seen running last */
};

void at_host_done(struct at_host *a);
/* Nothing was recorded: all is NULL. */
int catalog_at_host(struct catalog *c, int64_t job, struct at_host *ret, struct err *err);
int catalog_at_host_place(struct catalog *c, int64_t job, const char *place, struct err *err);
int catalog_at_host_ran(struct catalog *c, int64_t job, const char *boot, int64_t uptime,
                        struct err *err);
/* The domain's last job with that place; 0: it is nobody's. */
int catalog_at_host_find(struct catalog *c, const char *host, const char *domain, const char *place,
                         int64_t *ret_job, struct err *err);

#endif

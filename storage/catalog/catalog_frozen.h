/* SPDX-License-Identifier: MIT
 *
 * catalog_frozen: guests whose file systems we have frozen, and perhaps not thawed.  Kept for as
 * long as that is not known better, whoever dies meanwhile.  And the backups whose guest was
 * frozen at their instant. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_FROZEN_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_FROZEN_H

#include "storage/catalog/catalog.h"

/* since: when that began; 0: it is so no more.  One that is known already keeps its time. */
int catalog_frozen_put(struct catalog *c, const char *host, const char *domain, int64_t since,
                       struct err *err);

/* *ret: since when, or 0. */
int catalog_frozen(struct catalog *c, const char *host, const char *domain, int64_t *ret,
                   struct err *err);

/* The running job has begun so. */
int catalog_quiesced_put(struct catalog *c, int64_t job, struct err *err);
int catalog_quiesced(struct catalog *c, int64_t job, bool *ret, struct err *err);

/* How long the file systems were frozen for the domain's last backup that did so. */
int catalog_freeze_put(struct catalog *c, const char *host, const char *domain, int ms, int64_t now,
                       struct err *err);

struct catalog_freeze {
    int64_t ms, at; /* at 0: never */
};
int catalog_freeze(struct catalog *c, const char *host, const char *domain,
                   struct catalog_freeze *ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What monitoring asks of the catalog: what all jobs have come to, counted as each ended, so that
 * it never falls though rows of jobs go after a time; and figures of a domain's points.
 */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_FIGURES_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_FIGURES_H

#include "base/totals.h"
#include "storage/catalog/catalog.h"

int catalog_totals(struct catalog *c, struct job_totals *ret, struct err *err);

/* Of the policy's good points of the domain. */
struct catalog_chain {
    size_t points; /* the newest one's chain, back to the last full */
    uint64_t last_bytes;
};
int catalog_chain(struct catalog *c, const char *host, const char *domain, const char *policy,
                  struct catalog_chain *ret, struct err *err);

/* Each backup of a guest that ended since then, in the order of their ends; borrowed. */
struct catalog_backup {
    const char *host, *domain;
    enum job_outcome outcome;
    enum backup_level level;
    int64_t ended;
};
typedef void catalog_on_backup(void *arg, const struct catalog_backup *b);
int catalog_backups_since(struct catalog *c, int64_t since, catalog_on_backup *each, void *arg,
                          struct err *err);

/* Each job that ended since then, in the order of their ends; borrowed. */
struct catalog_ended {
    int64_t id;
    const char *kind, *host, *domain, *policy, *repository, *reason; /* reason NULL: none */
    bool guest;
    enum job_outcome outcome;
    int64_t ended;
    uint64_t bytes;
};
typedef void catalog_on_ended(void *arg, const struct catalog_ended *j);
int catalog_ended_since(struct catalog *c, int64_t since, catalog_on_ended *each, void *arg,
                        struct err *err);

#endif

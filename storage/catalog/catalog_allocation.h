/* SPDX-License-Identifier: MIT
 *
 * catalog_allocation: where the disks of checkpoints that were made by hand held data, as
 * vmkeep-allocation prints it.  It goes with its checkpoint. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_ALLOCATION_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_ALLOCATION_H

#include "storage/catalog/catalog.h"

/* Replaces what was noted before. */
int catalog_allocation_put(struct catalog *c, const char *host, const char *domain,
                           const char *checkpoint, const char *disk, const char *map,
                           struct err *err);

/* *ret: NULL when nothing was noted; caller frees. */
int catalog_allocation(struct catalog *c, const char *host, const char *domain,
                       const char *checkpoint, const char *disk, char **ret, struct err *err);

#endif

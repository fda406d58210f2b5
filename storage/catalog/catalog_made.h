/* SPDX-License-Identifier: MIT
 *
 * catalog_made: which files and sockets a running backup has made where its document says; see
 * made.h.  They go with the job's row. */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_MADE_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_MADE_H

#include "storage/catalog/catalog.h"
#include "storage/places/made.h"

int catalog_made_put(struct catalog *c, int64_t job, const struct made_list *made, struct err *err);

/* Of that job; *ret: released with made_list_done. */
int catalog_made(struct catalog *c, int64_t job, struct made_list *ret, struct err *err);

#endif

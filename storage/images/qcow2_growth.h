/* SPDX-License-Identifier: MIT
 *
 * qcow2_growth: how much an image grows by what another one holds, read from the tables of both.
 */
#ifndef VMKEEP_STORAGE_IMAGES_QCOW2_GROWTH_H
#define VMKEEP_STORAGE_IMAGES_QCOW2_GROWTH_H

#include <stdint.h>

#include "base/err.h"

/* Bytes that `below` takes more when all that `above` itself holds is written into it: what has a
 * cluster of its own there is written in place.  where: for errors.  ERR_UNSUPPORTED: the tables of
 * the two cannot be held against each other. */
int qcow2_growth(int above, int below, const char *where, uint64_t *ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
#include "engine/allocation.h"

#include <stdlib.h>

void allocations_done(struct allocation *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(items[i].map);
        free(items[i].contradiction);
        free(items[i].unknown);
    }
}

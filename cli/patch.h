/* SPDX-License-Identifier: MIT
 *
 * patch: makes the target hold what the source holds, by writing only what differs.  One that was
 * interrupted is gone on with by the next: what is right already is not written again.
 */
#ifndef VMKEEP_CLI_PATCH_H
#define VMKEEP_CLI_PATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PATCH_LEAF UINT64_C(65536)

struct patch {
    int source, target;  /* as files; the target is as long or longer */
    uint64_t from, size; /* what lies between these */
    bool compare_only;   /* what differs is counted, not written */
    uint64_t bandwidth;  /* bytes a second, of what is compared and written; 0: no limit */
    bool (*progress)(void *ctx, uint64_t done);
    void *ctx;
    uint64_t differs; /* result: bytes of leaves that were, or would be, written */
};

/* Does not sync. Waits. ERR_CANCELED: progress said no. */
int patch_run(struct patch *p, struct err *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * restore_onto: `vmkeep restore --onto DISK=TARGET`: a point's disks into images or block devices
 * that are there, of which only what differs is written.
 *
 * The point's images are held against their digests first.  An image is opened by a storage daemon,
 * which keeps away whoever else would write it; a block device exclusively, so that one that is
 * mounted, or part of something, is refused.  All is compared once more in the end.
 */
#ifndef VMKEEP_CLI_RESTORE_ONTO_H
#define VMKEEP_CLI_RESTORE_ONTO_H

#include "cli/found_point.h"
#include "storage/restore/restore.h"

struct restore_onto {
    struct strlist targets; /* DISK=TARGET */
    bool yes, json;
};

/* Says what will be done, asks, does it, and says what was done; the request's bandwidth, no_verify
 * and dry_run count, and its format where it is not the default of the target.  The exit code. */
int restore_onto_run(const struct restore_onto *o, struct found_point *f,
                     const struct restore_request *r);

#endif

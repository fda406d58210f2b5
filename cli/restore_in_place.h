/* SPDX-License-Identifier: MIT
 *
 * restore_in_place: a domain of libvirt's that is shut off gets back the contents of its disks, in
 * the images that it has.
 *
 * Order of effects: all new images are written beside the old ones; these take their places, the
 * old ones staying under another name (storage/images/swap.h); libvirt forgets the domain's
 * checkpoints, whose bitmaps were in the old images; the old ones go.  The next backup of each
 * policy is a full.
 */
#ifndef VMKEEP_CLI_RESTORE_IN_PLACE_H
#define VMKEEP_CLI_RESTORE_IN_PLACE_H

#include "cli/restore_define.h"

struct restore_in_place {
    bool wanted, yes, json;
};

/* d: where; r: what, its `to` and `format` being of no account.  The exit code. */
int restore_in_place_run(const struct restore_in_place *p, struct restore_define *d,
                         const struct config *config, const struct point *point,
                         const struct restore_request *r);

#endif

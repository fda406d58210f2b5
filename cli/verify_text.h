/* SPDX-License-Identifier: MIT
 *
 * verify_text: what `vmkeep verify` says of what it has found in a point.
 */
#ifndef VMKEEP_CLI_VERIFY_TEXT_H
#define VMKEEP_CLI_VERIFY_TEXT_H

#include <jansson.h>

#include "storage/verify/proof.h"

/* "whole, 1.2 GiB read", or what is wrong.  Caller frees. */
char *verify_text(const struct proof *f);

/* An array, one a disk. */
json_t *verify_disks_json(const struct proof *f);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  Disks that are held against what they were.
 */
#ifndef VMKEEP_JOBS_COMPARED_H
#define VMKEEP_JOBS_COMPARED_H

#include "engine/allocation.h"
#include "engine/hypervisor.h"

/* Disks that are held against what they were; the strings that the questions borrow are here. */
struct compared {
    VEC(struct allocation) items;
    struct strlist strings; /* its items do not move */
};

struct allocation *compared_add(struct compared *c);
/* Takes over text, and lends it until compared_done. */
const char *compared_own(struct compared *c, char *text);
/* Why the disk does not fit; NULL: it does, or was not asked about. */
const char *compared_contradiction(const struct compared *c, const char *disk);
void compared_done(struct compared *c);

#endif

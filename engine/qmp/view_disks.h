/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp: the part of view.h that finds disks. */
#ifndef VMKEEP_ENGINE_QMP_VIEW_DISKS_H
#define VMKEEP_ENGINE_QMP_VIEW_DISKS_H

#include "engine/qmp/view.h"

int view_decode_disks(json_t *const replies[Q_COUNT], const struct view_names *names,
                      struct view *ret, struct err *err);

/* What view_decode_disks passes over; after it. */
void view_decode_asides(json_t *const replies[Q_COUNT], const struct view_names *names,
                        struct view *v);
/* view_safety.c: why no filter can be put between the disk's devices and its image while the guest runs,
 * so that it sees all that is written; NULL: it can.  blocks: query-block's answer. */
const char *view_unsafe(const struct view_disk *disk, json_t *blocks, json_t *graph);

#endif

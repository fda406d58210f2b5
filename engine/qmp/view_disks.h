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

#endif

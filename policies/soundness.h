/* SPDX-License-Identifier: MIT
 *
 * soundness: what a point's state is, from what is known of its own files and of the points that it
 * stands on.  Pure.
 */
#ifndef VMKEEP_POLICIES_SOUNDNESS_H
#define VMKEEP_POLICIES_SOUNDNESS_H

#include "base/model.h"

/* On entry each point's state and problem are those of its own files; what stands on a point
 * that is damaged or missing becomes damaged, with the sentence that names the one at the root
 * of it.  A point that it stands on and that is not in the list counts as missing.  Those in
 * state deleting keep it. */
void soundness_judge(struct point_list *points);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Private to storage/rebuild*.c.  What is taken and what is not where several catalogs were at
 * work, and how to get the other, in words. */
#ifndef VMKEEP_STORAGE_REBUILD_REBUILD_NOTES_H
#define VMKEEP_STORAGE_REBUILD_REBUILD_NOTES_H

#include "storage/rebuild/rebuild.h"

void rebuild_note(struct rebuild *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of points that belong to other catalogs.  taken: one a point. */
void rebuild_tell_left(struct rebuild *r, const bool *taken);

/* Of what other catalogs knew, whose points are taken; once all is chosen. */
void rebuild_tell_histories(struct rebuild *r);

#endif

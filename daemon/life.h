/* SPDX-License-Identifier: MIT
 *
 * life: what the daemon notes of itself in the catalog: the time zone that it goes by, and that it
 * runs, so that the next one knows whether this one ended as it should.
 */
#ifndef VMKEEP_DAEMON_LIFE_H
#define VMKEEP_DAEMON_LIFE_H

#include "storage/catalog/catalog.h"

void life_begins(struct catalog *catalog, int64_t now);
void life_ends(struct catalog *catalog, int64_t now);

#endif

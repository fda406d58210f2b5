/* SPDX-License-Identifier: MIT
 *
 * How much room repositories had on the days before: what tells how they grow.  One row a day and
 * repository, among what was seen (catalog_seen_put), for 400 days.
 */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_ROOM_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_ROOM_H

#include "base/room.h"
#include "storage/catalog/catalog.h"

/* That of the sample's day is replaced; what is too old goes. */
int catalog_room_put(struct catalog *c, const char *repository, const struct room_sample *sample,
                     struct err *err);

struct repository_room {
    char *repository;
    struct room_list samples;
};

struct repository_rooms {
    struct repository_room *items;
    size_t n, cap;
};

void repository_rooms_done(struct repository_rooms *l);
/* Of all repositories that have any. */
int catalog_rooms(struct catalog *c, struct repository_rooms *ret, struct err *err);
/* NULL: none is known. */
const struct room_list *repository_rooms_find(const struct repository_rooms *l,
                                              const char *repository);

#endif

/* SPDX-License-Identifier: MIT
 *
 * room: how much of it a repository's file system had, as it was seen once a day.
 */
#ifndef VMKEEP_BASE_ROOM_H
#define VMKEEP_BASE_ROOM_H

#include <stddef.h>
#include <stdint.h>

struct room_sample {
    int64_t at;
    uint64_t free, total; /* bytes */
};

struct room_list {
    struct room_sample *items; /* oldest first */
    size_t n, cap;
};

#endif

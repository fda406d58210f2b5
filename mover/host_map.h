/* SPDX-License-Identifier: MIT
 *
 * host_map: where in files of this host the bytes of an image lie, with all that it stands on, as
 * `qemu-img map` says.  Who only reads has them with half the copies, and without a server that
 * takes the same processors.
 *
 * An image whose bytes lie nowhere as a guest reads them (it is compressed or encrypted, say), or
 * of which anything is not as expected, has no such map, and is read by a server: that says, too,
 * what is wrong.
 */
#ifndef VMKEEP_MOVER_HOST_MAP_H
#define VMKEEP_MOVER_HOST_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "mover/map.h"
#include "mover/peers.h"

/* Reads may write so many bytes behind what was asked for. */
#define HOST_MAP_SLACK 4096

struct host_run {
    uint64_t offset, length; /* of the disk */
    uint64_t at;             /* in the file; of data */
    uint32_t layer;          /* 0: the image itself, 1: what it stands on */
    bool zero;               /* reads as zeroes */
    bool present;            /* the layer holds it; false: no layer does */
};

struct host_file {
    char *path;
    int fd; /* -1: nothing of it is read */
};

struct host_map {
    uint64_t size; /* of the disk */
    VEC(struct host_run) runs;
    VEC(struct host_file) files; /* of the layers */
};

/* Of an image that is not encrypted.  told: as in struct peers; nothing is done yet, and the total
 * grows.  false: it has none; *why is set where QEMU cannot read the image's tables. */
bool host_map_make(const struct chain_spec *spec, void (*told)(uint64_t done, uint64_t total),
                   struct host_map *ret, struct err *why);
void host_map_done(struct host_map *m);

/* What extents_map tells of the same image: depth: with CONTEXT_DEPTH, else without context. */
void host_map_extents(const struct host_map *m, bool depth, struct map *ret);

/* Threads may read at once.  buf: as fits O_DIRECT, of len and HOST_MAP_SLACK bytes.  Behind the
 * end of the disk are zeroes. */
int host_map_read(const struct host_map *m, unsigned char *buf, uint64_t at, uint64_t len,
                  struct err *err);

/* As that, of the file of a layer that has data. */
int host_map_read_file(const struct host_map *m, uint32_t layer, unsigned char *buf, uint64_t at,
                       uint64_t len, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
#include "mover/clusters.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define AT_ONCE 16

static int on_read(void *ctx, int *error)
{
    *(int *)ctx = *error;
    return 1;
}

/* *rc becomes 0, or an errno, in one of the turns that follow. */
static int start_read(struct peers *p, uint64_t offset, uint64_t length, char *buf, int *rc,
                      struct err *err)
{
    *rc = -1;
    p->heard_ms = peers_now_ms();
    if (nbd_aio_pread(p->source.nbd, buf, length, offset,
                      (nbd_completion_callback){on_read, rc, NULL}, 0) < 0)
        return peers_failed(p, &p->source, err);
    return 0;
}

static int finish_read(struct peers *p, uint64_t offset, const int *rc, struct err *err)
{
    while (*rc < 0)
        if (peers_turn(p, INT_MAX, err) < 0)
            return -1;
    return *rc == 0 ? 0 : peers_command_failed(&p->source, "read", offset, *rc, err);
}

static int read_cluster(struct peers *p, uint64_t offset, uint64_t length, char *buf,
                        struct err *err)
{
    static int rc;

    if (start_read(p, offset, length, buf, &rc, err) < 0)
        return -1;
    return finish_read(p, offset, &rc, err);
}

/* ---- data that is nothing but zeroes ---- */

static int keep_cluster(struct peers *p, const struct map_run *cluster, struct map *ret,
                        struct err *err)
{
    static char buf[MAP_CLUSTER];
    struct map_run *last = ret->runs.n ? &ret->runs.items[ret->runs.n - 1] : NULL;

    if (read_cluster(p, cluster->offset, cluster->length, buf, err) < 0)
        return -1;
    if (buf[0] == 0 && memcmp(buf, buf + 1, cluster->length - 1) == 0)
        return 0;
    if (last && last->offset + last->length == cluster->offset)
        last->length += cluster->length;
    else
        *VEC_ADD(&ret->runs) = *cluster;
    return 0;
}

static int keep_clusters(struct peers *p, const struct map *map, struct map *ret, struct err *err)
{
    for (size_t i = 0; i < map->runs.n; i++) {
        struct map_run cluster = map->runs.items[i];
        uint64_t end = cluster.offset + cluster.length;

        for (; cluster.offset < end; cluster.offset += cluster.length) {
            uint64_t left = end - cluster.offset;

            cluster.length = left < MAP_CLUSTER ? left : MAP_CLUSTER;
            if (keep_cluster(p, &cluster, ret, err) < 0)
                return -1;
        }
    }
    return 0;
}

int clusters_drop_zeroes(struct peers *p, struct map *map, struct err *err)
{
    struct map left = {.size = map->size};
    int rc = keep_clusters(p, map, &left, err);

    map_done(map);
    *map = left;
    return rc;
}

/* ---- samples ---- */

static uint64_t count(const struct map *map)
{
    uint64_t ret = 0;

    for (size_t i = 0; i < map->runs.n; i++)
        ret += (map->runs.items[i].length + MAP_CLUSTER - 1) / MAP_CLUSTER;
    return ret;
}

/* All of them are asked for before the first answer is waited for.  Static, for what was asked for
 * may still come when another one has failed. */
static struct batch {
    size_t n;
    struct pair {
        uint64_t offset, length;
        int of_a, of_b;
        char a[MAP_CLUSTER], b[MAP_CLUSTER];
    } pairs[AT_ONCE];
} batch;

static int compare_batch(struct peers *a, struct peers *b, struct sample *ret, struct err *err)
{
    for (size_t i = 0; i < batch.n; i++) {
        struct pair *p = &batch.pairs[i];

        if (start_read(a, p->offset, p->length, p->a, &p->of_a, err) < 0 ||
            start_read(b, p->offset, p->length, p->b, &p->of_b, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < batch.n; i++) {
        const struct pair *p = &batch.pairs[i];

        if (finish_read(a, p->offset, &p->of_a, err) < 0 ||
            finish_read(b, p->offset, &p->of_b, err) < 0)
            return -1;
        ret->read++;
        if (memcmp(p->a, p->b, p->length) != 0 && ret->different++ == 0)
            ret->first = p->offset;
    }
    batch.n = 0;
    return 0;
}

static int compare_one(struct peers *a, struct peers *b, uint64_t offset, struct sample *ret,
                       struct err *err)
{
    uint64_t size = a->source.size < b->source.size ? a->source.size : b->source.size;
    struct pair *p = &batch.pairs[batch.n];

    if (offset >= size)
        return 0;
    p->offset = offset;
    p->length = size - offset < MAP_CLUSTER ? size - offset : MAP_CLUSTER;
    return ++batch.n < AT_ONCE ? 0 : compare_batch(a, b, ret, err);
}

int clusters_compare(struct peers *a, struct peers *b, const struct map *map, uint64_t n,
                     struct sample *ret, struct err *err)
{
    uint64_t all = count(map), step = all > n ? all / n : 1, at = 0, next = 0;

    *ret = (struct sample){0};
    if (getrandom(&next, sizeof(next), 0) < 0)
        next = 0;
    next %= step;
    for (size_t i = 0; i < map->runs.n && ret->read + batch.n < n; i++) {
        const struct map_run *run = &map->runs.items[i];
        uint64_t clusters = (run->length + MAP_CLUSTER - 1) / MAP_CLUSTER;

        for (; next < at + clusters && ret->read + batch.n < n; next += step)
            if (compare_one(a, b, run->offset + (next - at) * MAP_CLUSTER, ret, err) < 0)
                return -1;
        at += clusters;
    }
    return compare_batch(a, b, ret, err);
}

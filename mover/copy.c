/* SPDX-License-Identifier: MIT
 *
 * A fixed number of slots, each with a buffer, goes round: free, reading, writing, free.
 * Completions only count; the work is done between the turns, when libnbd is not on the stack.
 *
 *     FREE -> READING -> WRITING -> FREE      data: read cluster by cluster, then a write for each
 *                                             run of clusters
 *     FREE -> WRITING -> FREE                 a part that is known to be zeroes
 *
 * Reads are small and writes are large, for who is on the other side is another one each time.
 */
#include "mover/copy.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/digest/leaves.h"

/* Of a read, and so of what the guest waits for: a server that is the guest's QEMU reads and sends
 * it in the thread that serves the guest, too.  Measured, with as much in all under way, a guest's
 * write took twice as long beside reads of 1 MiB, and the copy no less. */
#define CHUNK MAP_CLUSTER
/* Of a write, which qemu-nbd passes on to the disk as it is: of writes of a cluster 1 GiB took
 * 3.3 s, of these 1.7. */
#define SLOT_MAX (UINT64_C(1) << 20)
#define SLOTS 4
#define ZERO_MAX (UINT64_C(64) << 20)
#define BANKED_US 100000 /* unused time that the bandwidth limit lets us make up for */

enum slot_state { SLOT_FREE, SLOT_READING, SLOT_WRITING };

struct slot {
    enum slot_state state;
    uint64_t offset, length;
    uint64_t asked;   /* how much of it has been asked for */
    unsigned pending; /* requests of this state that have not completed */
    int error;
    char *buf;
};

struct copy {
    struct peers *peers;
    const struct map *map;
    const struct copy_spec *spec;
    struct slot slots[SLOTS];
    size_t n_busy;
    size_t run; /* where we are in the map */
    uint64_t within;
    uint64_t slot_size;
    int64_t next_us; /* no read before this, for the bandwidth's sake */
};

static int on_completed(void *ctx, int *error)
{
    struct slot *s = ctx;

    s->pending--;
    if (*error && !s->error)
        s->error = *error;
    return 1;
}

static nbd_completion_callback completion(struct slot *s)
{
    return (nbd_completion_callback){.callback = on_completed, .user_data = s};
}

static bool is_zero(const char *buf, size_t len)
{
    return buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0;
}

/* ---- writing ---- */

static int write_zeroes(struct copy *c, struct slot *s, uint64_t at, uint64_t len, struct err *err)
{
    if (nbd_aio_zero(c->peers->target.nbd, len, s->offset + at, completion(s), 0) < 0)
        return peers_failed(c->peers, &c->peers->target, err);
    s->pending++;
    return 0;
}

static int write_data(struct copy *c, struct slot *s, uint64_t at, uint64_t len, struct err *err)
{
    if (nbd_aio_pwrite(c->peers->target.nbd, s->buf + at, len, s->offset + at, completion(s), 0) <
        0)
        return peers_failed(c->peers, &c->peers->target, err);
    s->pending++;
    return 0;
}

/* Clusters of one kind that follow one another become one request. */
static int write_runs(struct copy *c, struct slot *s, struct err *err)
{
    s->state = SLOT_WRITING;
    for (uint64_t at = 0, end; at < s->length; at = end) {
        bool zero = false;

        for (end = at; end < s->length;) {
            uint64_t left = s->length - end, n = left < MAP_CLUSTER ? left : MAP_CLUSTER;
            bool this_zero = is_zero(s->buf + end, n);

            if (end > at && this_zero != zero)
                break;
            zero = this_zero;
            end += n;
        }
        if (!zero && write_data(c, s, at, end - at, err) < 0)
            return -1;
        if (zero && c->spec->write_zeroes && write_zeroes(c, s, at, end - at, err) < 0)
            return -1;
    }
    return 0;
}

/* While the writes are under way.  Behind the end of the disk are zeroes.  A thread for it gained
 * nothing, measured: source, copy and target keep two processors busy. */
static void take_digests(const struct copy *c, const struct slot *s)
{
    uint64_t rest = s->length % TREE_LEAF;

    if (rest)
        memset(s->buf + s->length, 0, TREE_LEAF - rest);
    for (uint64_t at = 0; at < s->length; at += TREE_LEAF) {
        unsigned char digest[TREE_DIGEST];

        leaf_digest((const unsigned char *)s->buf + at, digest);
        leaves_set(c->spec->leaves, (s->offset + at) / TREE_LEAF, digest);
    }
}

/* ---- reading ---- */

static int64_t now_us(void)
{
    return peers_now_ms() * 1000;
}

/* How long the bandwidth limit lets us wait; 0: go on. */
static int wait_ms(const struct copy *c)
{
    int64_t us = c->next_us - now_us();

    return us <= 0 ? 0 : us / 1000 < INT_MAX ? (int)(us / 1000) + 1 : INT_MAX;
}

static void spend(struct copy *c, uint64_t bytes)
{
    int64_t earliest = now_us() - BANKED_US;

    if (c->spec->bandwidth == 0)
        return;
    if (c->next_us < earliest)
        c->next_us = earliest;
    c->next_us += (int64_t)((double)bytes * 1e6 / (double)c->spec->bandwidth);
}

static unsigned reads_under_way(const struct copy *c)
{
    unsigned n = 0;

    for (size_t i = 0; i < SLOTS; i++)
        n += c->slots[i].state == SLOT_READING ? c->slots[i].pending : 0;
    return n;
}

/* As much as may be asked for now. */
static int read_more(struct copy *c, struct slot *s, struct err *err)
{
    unsigned under_way = reads_under_way(c);

    for (; s->asked < s->length && under_way < c->spec->requests && wait_ms(c) == 0; under_way++) {
        uint64_t left = s->length - s->asked, n = left < CHUNK ? left : CHUNK;

        spend(c, n);
        if (nbd_aio_pread(c->peers->source.nbd, s->buf + s->asked, n, s->offset + s->asked,
                          completion(s), 0) < 0)
            return peers_failed(c->peers, &c->peers->source, err);
        s->asked += n;
        s->pending++;
    }
    return 0;
}

/* Starts with the next part of the map. */
static int begin(struct copy *c, struct slot *s, struct err *err)
{
    const struct map_run *r = &c->map->runs.items[c->run];
    uint64_t left = r->length - c->within, max = r->kind == MAP_ZERO ? ZERO_MAX : c->slot_size;

    *s = (struct slot){
        .buf = s->buf, .offset = r->offset + c->within, .length = left < max ? left : max};
    c->within += s->length;
    if (c->within == r->length) {
        c->run++;
        c->within = 0;
    }
    if (c->n_busy++ == 0)
        c->peers->heard_ms = peers_now_ms(); /* there was nothing to hear of */
    if (r->kind == MAP_ZERO) {
        s->state = SLOT_WRITING;
        return write_zeroes(c, s, 0, s->length, err);
    }
    s->state = SLOT_READING;
    return read_more(c, s, err);
}

/* ---- the round ---- */

static int check(const struct copy *c, const struct slot *s, struct err *err)
{
    if (!s->error)
        return 0;
    return s->state == SLOT_READING
               ? peers_command_failed(&c->peers->source, "read", s->offset, s->error, err)
               : peers_command_failed(&c->peers->target, "write", s->offset, s->error, err);
}

static int advance(struct copy *c, struct slot *s, struct err *err)
{
    if (s->state == SLOT_READING && s->asked < s->length)
        return read_more(c, s, err);
    if (s->pending > 0)
        return 0;
    if (check(c, s, err) < 0)
        return -1;
    if (s->state == SLOT_READING) {
        if (write_runs(c, s, err) < 0)
            return -1;
        if (c->spec->leaves)
            take_digests(c, s);
    }
    if (s->state == SLOT_WRITING && s->pending == 0) {
        s->state = SLOT_FREE;
        c->n_busy--;
        c->peers->done += s->length;
    }
    if (s->state == SLOT_FREE && c->run < c->map->runs.n && wait_ms(c) == 0)
        return begin(c, s, err);
    return 0;
}

static bool wants_to_read(const struct copy *c)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (c->slots[i].state == SLOT_READING && c->slots[i].asked < c->slots[i].length)
            return true;
    return c->n_busy < SLOTS && c->run < c->map->runs.n;
}

static int copy_all(struct copy *c, struct err *err)
{
    for (;;) {
        int wait = INT_MAX;

        for (size_t i = 0; i < SLOTS; i++)
            if (advance(c, &c->slots[i], err) < 0)
                return -1;
        if (c->run == c->map->runs.n && c->n_busy == 0)
            return 0; /* there is nothing to wait for */
        if (wants_to_read(c) && wait_ms(c) > 0)
            wait = wait_ms(c);
        if (c->n_busy == 0)
            c->peers->heard_ms = peers_now_ms();
        if (peers_turn(c->peers, wait, err) < 0)
            return -1;
    }
}

/* As large as the target takes, and small enough for the bandwidth to be kept smoothly. */
static uint64_t slot_size(const struct copy *c)
{
    int64_t max = nbd_get_block_size(c->peers->target.nbd, LIBNBD_SIZE_MAXIMUM);
    uint64_t size = SLOT_MAX;

    if (max > 0 && (uint64_t)max < size)
        size = (uint64_t)max;
    if (c->spec->bandwidth > 0 && c->spec->bandwidth / 4 < size)
        size = c->spec->bandwidth / 4;
    size -= size % MAP_CLUSTER;
    return size ? size : MAP_CLUSTER;
}

int copy_run(struct peers *p, const struct map *map, const struct copy_spec *spec, struct err *err)
{
    struct copy c = {.peers = p, .map = map, .spec = spec};
    int rc;

    c.slot_size = slot_size(&c);
    for (size_t i = 0; i < SLOTS; i++)
        c.slots[i].buf = xcalloc(1, c.slot_size);
    rc = copy_all(&c, err);
    if (rc < 0)
        peers_done(p);
    for (size_t i = 0; i < SLOTS; i++)
        free(c.slots[i].buf);
    return rc;
}

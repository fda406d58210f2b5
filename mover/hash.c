/* SPDX-License-Identifier: MIT */
#include "mover/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mover/stretches.h"

#define CHUNK (UINT64_C(1) << 20)
#define THREADS_MAX 8
#define TELL_NS 250000000L

_Static_assert(MAP_CLUSTER == TREE_LEAF, "a map's clusters are leaves");

/* What the threads share. */
struct work {
    struct peers *peers;
    const struct map *map;
    struct leaves *leaves;
    const struct host_map *host;
    uint64_t bandwidth, end; /* end: of what can be read */
    pthread_mutex_t lock;    /* of all that follows, and of leaves */
    pthread_cond_t ended;
    struct stretches stretches; /* of the host, which are read first */
    size_t run;                 /* where we are in the map */
    uint64_t within, done;
    int64_t next_ms; /* no read before this, for the bandwidth's sake */
    int running;
    struct err err; /* the first */
};

struct worker {
    struct work *work;
    struct nbd_handle *nbd; /* NULL: the work's host is read */
    pthread_t thread;
};

int hash_threads(void)
{
    long n = 2 * sysconf(_SC_NPROCESSORS_ONLN); /* while one waits for the disk, another reckons */

    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}

/* ---- in the threads ---- */

/* What a thread reads and takes the digests of at once. */
struct part {
    bool of_file; /* one of the stretches; else of the disk */
    struct stretch_piece piece;
    uint64_t at, length;
};

/* The next of the map that has data. */
static bool next_of_map(struct work *w, struct part *ret)
{
    const struct map_run *r;

    while (w->run < w->map->runs.n && w->map->runs.items[w->run].kind != MAP_DATA)
        w->run++;
    if (w->run == w->map->runs.n)
        return false;
    r = &w->map->runs.items[w->run];
    ret->at = r->offset + w->within;
    ret->length = r->length - w->within < CHUNK ? r->length - w->within : CHUNK;
    w->within += ret->length;
    if (w->within == r->length) {
        w->run++;
        w->within = 0;
    }
    return true;
}

/* *ret_wait_ms: how long the bandwidth lets us wait first. */
static bool next_part(struct work *w, struct part *ret, int64_t *ret_wait_ms)
{
    int64_t now = peers_now_ms();

    if (w->err.code != ERR_NONE)
        return false;
    *ret = (struct part){0};
    ret->of_file = stretches_next(&w->stretches, CHUNK, &ret->piece);
    if (!ret->of_file && !next_of_map(w, ret))
        return false;
    if (ret->of_file)
        ret->length = ret->piece.length;
    if (w->next_ms < now)
        w->next_ms = now;
    *ret_wait_ms = w->next_ms - now;
    if (w->bandwidth)
        w->next_ms += (int64_t)((double)ret->length * 1000 / (double)w->bandwidth);
    return true;
}

static int read_part(struct worker *me, unsigned char *buf, const struct part *part,
                     struct err *err)
{
    const struct work *w = me->work;
    uint64_t there = part->at >= w->end ? 0 : w->end - part->at;
    int rc = 0;

    if (part->of_file)
        return host_map_read_file(w->host, part->piece.layer, buf, part->piece.at, part->length,
                                  err);
    if (there > part->length)
        there = part->length;
    if (there && w->host)
        rc = host_map_read(w->host, buf, part->at, there, err);
    else if (there && nbd_pread(me->nbd, buf, there, part->at, 0) < 0)
        rc = peers_failed(w->peers, &w->peers->source, err);
    memset(buf + there, 0, CHUNK - there);
    return rc;
}

static uint64_t offset_in(const struct work *w, const struct part *part, uint64_t n)
{
    return part->of_file ? stretches_offset(&w->stretches, &part->piece, n) : part->at + n;
}

static void set_leaves(struct work *w, const unsigned char *buf, const struct part *part)
{
    unsigned char digests[CHUNK / TREE_LEAF][TREE_DIGEST];
    uint64_t n = tree_leaves(part->length);

    for (uint64_t i = 0; i < n; i++)
        leaf_digest(buf + i * TREE_LEAF, digests[i]);
    pthread_mutex_lock(&w->lock);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t leaf = offset_in(w, part, i * TREE_LEAF) / TREE_LEAF;

        if (leaf < w->leaves->n)
            leaves_set(w->leaves, leaf, digests[i]);
    }
    w->done += part->length;
    pthread_mutex_unlock(&w->lock);
}

/* As host_map_read wants it. */
static unsigned char *make_buffer(void)
{
    unsigned char *ret = aligned_alloc(HOST_MAP_SLACK, CHUNK + HOST_MAP_SLACK);

    if (!ret)
        abort();
    memset(ret, 0, CHUNK + HOST_MAP_SLACK);
    return ret;
}

static void *work(void *arg)
{
    struct worker *me = arg;
    struct work *w = me->work;
    CLEANUP_FREE unsigned char *buf = make_buffer();
    struct part part;
    int64_t wait_ms;

    pthread_mutex_lock(&w->lock);
    while (next_part(w, &part, &wait_ms)) {
        const struct timespec pause = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000};
        struct err err = ERR_INIT;

        pthread_mutex_unlock(&w->lock);
        if (wait_ms > 0)
            nanosleep(&pause, NULL);
        if (read_part(me, buf, &part, &err) == 0)
            set_leaves(w, buf, &part);
        pthread_mutex_lock(&w->lock);
        if (err.code != ERR_NONE && w->err.code == ERR_NONE)
            w->err = err;
    }
    w->running--;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- in the main one ---- */

static int connect_more(struct work *w, struct worker *workers, const struct hash_spec *spec,
                        struct err *err)
{
    for (int i = 0; i < spec->threads; i++)
        workers[i].work = w;
    if (spec->host)
        return 0;
    workers[0].nbd = w->peers->source.nbd;
    for (int i = 1; i < spec->threads; i++) {
        struct worker *one = &workers[i];

        one->nbd = nbd_create();
        if (!one->nbd || nbd_set_pread_initialize(one->nbd, false) < 0 ||
            nbd_connect_socket(one->nbd, spec->more[i - 1]) < 0)
            return peers_failed(w->peers, &w->peers->source, err);
    }
    return 0;
}

/* Each is started, or its part is done by the others. */
static void start(struct work *w, struct worker *workers, int n)
{
    for (int i = 0; i < n; i++) {
        pthread_mutex_lock(&w->lock);
        w->running++;
        pthread_mutex_unlock(&w->lock);
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0)
            continue;
        workers[i].thread = 0;
        pthread_mutex_lock(&w->lock);
        w->running--;
        if (i == 0)
            err_set(&w->err, ERR_INTERNAL, "a thread cannot be started");
        pthread_mutex_unlock(&w->lock);
    }
}

static void wait_for_all(struct work *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->running > 0) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TELL_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->ended, &w->lock, &until);
        w->peers->done = w->done;
        w->peers->told(w->done, w->peers->total);
    }
    pthread_mutex_unlock(&w->lock);
}

int hash_runs(struct peers *p, const struct map *map, const struct hash_spec *spec,
              struct leaves *ret, struct err *err)
{
    CLEANUP(map_done) struct map rest = {0};
    struct work w = {.peers = p,
                     .map = spec->host ? &rest : map,
                     .leaves = ret,
                     .host = spec->host,
                     .bandwidth = spec->bandwidth};
    uint64_t size = spec->host ? spec->host->size : p->source.size;
    int n = spec->threads, rc;
    CLEANUP_FREE struct worker *workers = xcalloc((size_t)n, sizeof(struct worker));

    w.end = ret->capacity < size ? ret->capacity : size;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.ended, NULL);
    p->done = p->total = 0;
    for (size_t i = 0; i < map->runs.n; i++)
        p->total += map->runs.items[i].kind == MAP_DATA ? map->runs.items[i].length : 0;
    if (spec->host)
        stretches_make(spec->host, map, &w.stretches, &rest);
    rc = connect_more(&w, workers, spec, err);
    if (rc == 0) {
        start(&w, workers, n);
        wait_for_all(&w);
        for (int i = 0; i < n; i++)
            if (workers[i].thread)
                pthread_join(workers[i].thread, NULL);
        if (w.err.code != ERR_NONE) {
            *err = w.err;
            rc = -1;
        }
    }
    for (int i = 1; i < n; i++)
        nbd_close(workers[i].nbd);
    stretches_done(&w.stretches);
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.lock);
    return rc;
}

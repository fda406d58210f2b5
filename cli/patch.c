/* SPDX-License-Identifier: MIT */
#include "cli/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define CHUNK (16 * PATCH_LEAF)

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int read_all(int fd, char *buf, size_t len, uint64_t at, const char *what, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, buf + done, len - done, (off_t)(at + done));

        if (n == 0)
            return err_set(err, ERR_IO, "read the %s: ends too early", what);
        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "read the %s", what);
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_all(int fd, const char *buf, size_t len, uint64_t at, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, buf + done, len - done, (off_t)(at + done));

        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "write the target");
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Leaf by leaf. */
static int patch_chunk(struct patch *p, const char *want, const char *have, size_t len, uint64_t at,
                       struct err *err)
{
    for (size_t i = 0; i < len; i += PATCH_LEAF) {
        const size_t part = len - i < PATCH_LEAF ? len - i : (size_t)PATCH_LEAF;

        if (memcmp(want + i, have + i, part) == 0)
            continue;
        p->differs += part;
        if (!p->compare_only && write_all(p->target, want + i, part, at + i, err) < 0)
            return -1;
    }
    return 0;
}

/* Where the next data of either begins, at or behind `at`: what is a hole in both is equal. A file
 * system that knows no holes says that all is data. */
static uint64_t next_data(const struct patch *p, uint64_t at)
{
    const off_t a = lseek(p->source, (off_t)at, SEEK_DATA);
    const bool end_a = a < 0 && errno == ENXIO;
    const off_t b = lseek(p->target, (off_t)at, SEEK_DATA);
    const bool end_b = b < 0 && errno == ENXIO;
    uint64_t next = p->size;

    if ((a < 0 && !end_a) || (b < 0 && !end_b))
        return at;
    if (!end_a && (uint64_t)a < next)
        next = (uint64_t)a;
    if (!end_b && (uint64_t)b < next)
        next = (uint64_t)b;
    next -= next % PATCH_LEAF;
    return next > at ? next : at;
}

/* Not faster than that. */
static void pace(const struct patch *p, int64_t began_ms, uint64_t moved)
{
    const int64_t due = p->bandwidth ? (int64_t)((double)moved * 1000 / (double)p->bandwidth) : 0;
    const int64_t wait = due - (now_ms() - began_ms);

    if (wait > 0)
        nanosleep(&(struct timespec){wait / 1000, wait % 1000 * 1000000}, NULL);
}

int patch_run(struct patch *p, struct err *err)
{
    CLEANUP_FREE char *want = xcalloc(CHUNK, 1), *have = xcalloc(CHUNK, 1);
    const int64_t began = now_ms();
    uint64_t moved = 0;

    p->differs = 0;
    for (uint64_t at = p->from; at < p->size;) {
        size_t len;

        if (p->progress && !p->progress(p->ctx, at))
            return err_set(err, ERR_CANCELED, "canceled");
        at = next_data(p, at);
        len = p->size - at < CHUNK ? (size_t)(p->size - at) : (size_t)CHUNK;
        if (len == 0)
            break;
        if (read_all(p->source, want, len, at, "point", err) < 0 ||
            read_all(p->target, have, len, at, "target", err) < 0 ||
            patch_chunk(p, want, have, len, at, err) < 0)
            return -1;
        at += len;
        moved += len;
        pace(p, began, moved + (p->compare_only ? 0 : p->differs));
    }
    return 0;
}

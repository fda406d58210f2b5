/* SPDX-License-Identifier: MIT */
#include "storage/repository/bring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/images/convert.h"
#include "storage/images/image_run.h"
#include "storage/repository/manifest.h"
#include "storage/repository/point_hold.h"
#include "storage/repository/repository_priv.h"

#define PIECE ((size_t)1 << 20)
#define BLOCK ((size_t)4096) /* of a disk that fails */
#define SECOND_NS INT64_C(1000000000)
#define TELL_NS (SECOND_NS / 5)
#define BESIDE_MAX ((size_t)64 << 20)

struct bringing {
    const struct bring_request *r;
    struct point_list chain; /* the point first, and all that it stands on */
    uint64_t done, total;    /* bytes, of all disks */
    uint64_t now;            /* of the disk at work */
    int64_t since;           /* monotonic, nanoseconds */
    int64_t told;            /* when it was last told how far it is */
    char *buffer;
};

static void bringing_done(struct bringing *b)
{
    point_list_done(&b->chain);
    free(b->buffer);
}

static int64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void tell(struct bringing *b, uint64_t of_this)
{
    int64_t now = monotonic_ns();

    if (!b->r->progress || now - b->told < TELL_NS)
        return;
    b->told = now;
    b->r->progress(b->r->ctx, b->done + of_this, b->total);
}

/* ---- how much it is ---- */

static bool stands_alone(const struct bringing *b, const struct point_disk *d)
{
    const struct point_disk *source = point_find_disk(&b->chain.items[0], d->name);

    return source && !source->backing;
}

/* What is written of the disk, at most. */
static uint64_t bytes_of(const struct bringing *b, const struct point_disk *d)
{
    const struct point *p = &b->chain.items[0];
    const struct point_disk *source = point_find_disk(p, d->name);
    uint64_t sum = source ? source->bytes : 0;

    if (d->backing || stands_alone(b, d))
        return sum;
    for (size_t steps = 0; source && source->backing && steps < b->chain.n; steps++) {
        p = point_list_find(&b->chain, source->backing);
        source = p ? point_find_disk(p, d->name) : NULL;
        sum += source ? source->bytes : 0;
    }
    return sum < d->capacity ? sum : d->capacity;
}

static int check_room(const struct bringing *b, uint64_t need, struct err *err)
{
    char needed[SIZE_TEXT_MAX], there[SIZE_TEXT_MAX];
    uint64_t avail, total;

    if (repository_space(b->r->path, &avail, &total, err) < 0)
        return -1;
    if (avail >= need && avail - need >= b->r->reserve)
        return 0;
    return err_set(err, ERR_NOSPACE, "%s: the copy needs %s, and %s are free beyond the reserve",
                   b->r->path, size_text(need, needed),
                   size_text(avail > b->r->reserve ? avail - b->r->reserve : 0, there));
}

/* ---- an image as it is ---- */

static int write_all(int fd, const char *data, size_t len, off_t at, const char *where,
                     struct err *err)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);

        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "%s", where);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            at += n;
        }
    }
    return 0;
}

static void slow_down(const struct bringing *b, uint64_t of_this)
{
    int64_t due, ahead;
    struct timespec t;

    if (!b->r->bandwidth)
        return;
    due = (int64_t)((double)(b->done + of_this) / (double)b->r->bandwidth * (double)SECOND_NS);
    ahead = due - (monotonic_ns() - b->since);
    if (ahead <= 0)
        return;
    t = (struct timespec){ahead / SECOND_NS, ahead % SECOND_NS};
    nanosleep(&t, NULL);
}

/* Not said to be damaged: that is for a read that succeeds to find. */
static int unreadable(const char *where, off_t from, size_t want, int sys, struct err *err)
{
    return err_errno(err, sys,
                     "%s: cannot be read at bytes %lld to %lld of the image (is its disk failing? "
                     "`vmkeep verify` of the point says what of it is whole)",
                     where, (long long)from, (long long)from + (long long)want - 1);
}

/* Bytes from..end of the one file into the other. *copied grows. */
static int copy_range(struct bringing *b, int in, int out, off_t from, off_t end, uint64_t *copied,
                      const char *where, struct err *err)
{
    size_t most = PIECE;

    while (from < end) {
        size_t want = (uint64_t)(end - from) < most ? (size_t)(end - from) : most;
        ssize_t n = pread(in, b->buffer, want, from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EIO && want > BLOCK) { /* where is it? */
            most = BLOCK;
            continue;
        }
        if (n < 0)
            return unreadable(where, from, want, errno, err);
        if (n == 0)
            return err_set(err, ERR_CORRUPT, "%s: has become shorter", where);
        if (write_all(out, b->buffer, (size_t)n, from, b->r->path, err) < 0)
            return -1;
        from += n;
        *copied += (uint64_t)n;
        tell(b, *copied < b->now ? *copied : b->now);
        slow_down(b, *copied);
    }
    return 0;
}

static int copy_data(struct bringing *b, int in, int out, off_t size, const char *where,
                     struct err *err)
{
    uint64_t copied = 0;
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(in, at, SEEK_DATA), hole;

        if (data < 0 && errno == ENXIO)
            break; /* holes only, up to the end */
        if (data < 0)
            data = at; /* a file system that does not tell */
        hole = lseek(in, data, SEEK_HOLE);
        if (hole < 0)
            hole = size;
        if (copy_range(b, in, out, data, hole < size ? hole : size, &copied, where, err) < 0)
            return -1;
        at = hole;
    }
    return 0;
}

/* Empty, whatever an interrupted call has left. */
static int make_file(const char *file)
{
    return open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int copy_file(struct bringing *b, const char *from, const char *to, struct err *err)
{
    CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP_CLOSE int out = make_file(to);
    struct stat st;

    if (in < 0 || fstat(in, &st) < 0)
        return err_errno(err, errno, "%s", from);
    if (out < 0)
        return err_errno(err, errno, "%s", to);
    if (copy_data(b, in, out, st.st_size, from, err) < 0)
        return -1;
    return ftruncate(out, st.st_size) < 0 ? err_errno(err, errno, "%s", to) : 0;
}

/* ---- a disk ---- */

/* Changes the header alone: what the image has is what changed since the point below. */
static int put_on(const char *image, const char *backing, struct err *err)
{
    CLEANUP(image_words_done) struct image_words w = {0};
    const char *argv[] = {"qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2",
                          "-b",       backing,  NULL, NULL, NULL,    NULL};

    if (image_words_alone(image, KEY_OBJECT, &w, err) < 0)
        return -1;
    argv[9] = w.object ? "--object" : image;
    argv[10] = w.object;
    argv[11] = w.object ? w.name : NULL;
    return proc_run(argv, NULL, err);
}

/* As the copy's header has it; NULL: it stands alone. */
static int backing_of(const struct bringing *b, const struct point_disk *d, char **ret,
                      struct err *err)
{
    CLEANUP(point_done) struct point below = {0};
    enum point_presence presence;

    if (!d->backing)
        return 0;
    if (repository_find(b->r->path, d->backing, &presence, &below, err) < 0)
        return -1;
    if (presence != POINT_PUBLISHED)
        return err_set(err, ERR_NOTFOUND, "%s, which it is to stand on, is gone", d->backing);
    return backing_name(&below, d->name, ret, err);
}

static bool on_convert(void *ctx, double percent)
{
    struct bringing *b = ctx;

    tell(b, (uint64_t)(percent / 100 * (double)b->now));
    return true;
}

/* Can the image be taken byte by byte?  Both are in clear text, or have the same key. */
static int is_as_wanted(const struct bringing *b, const char *image, bool *ret, struct err *err)
{
    const struct key *from = image_is_encrypted(image) ? keys_find(b->r->from) : NULL;
    const struct key *to = keys_find(b->r->path);

    *ret = !from && !to && !image_is_encrypted(image);
    return from && to ? keys_are_equal(from, to, ret, err) : 0;
}

/* Read with the one key, and written with the other. */
static int encode(struct bringing *b, const struct point_disk *d, const char *from, const char *to,
                  const char *backing, struct err *err)
{
    const struct key *key = keys_find(b->r->path);
    CLEANUP_CLOSE int made = make_file(to); /* nobody else's to read */
    const struct conversion c = {.source = from,
                                 .target = to,
                                 .format = "qcow2",
                                 .filled = key || backing,
                                 .top = backing,
                                 .bandwidth = b->r->bandwidth,
                                 .progress = on_convert,
                                 .ctx = b};

    if (made < 0)
        return err_errno(err, errno, "%s", to);
    if (c.filled && image_create(to, d->capacity, backing, key, err) < 0)
        return -1;
    return convert_image(&c, err);
}

static int bring_disk(struct bringing *b, const struct point_disk *d, struct err *err)
{
    const struct point *p = &b->chain.items[0];
    const struct point_disk *source = point_find_disk(p, d->name);
    CLEANUP_FREE char *to = repository_image(b->r->path, b->r->plan->id, d->path, true);
    CLEANUP_FREE char *from = NULL, *backing = NULL;
    bool as_wanted;
    int rc;

    if (!source)
        return err_set(err, ERR_CORRUPT, "%s: has no disk %s", p->id, d->name);
    if (check_disk_chain(b->r->from, &b->chain, p->id, d->name, NULL, err) < 0)
        return -1;
    b->now = bytes_of(b, d);
    from = repository_image(b->r->from, p->id, source->path, false);
    if (is_as_wanted(b, from, &as_wanted, err) < 0 || backing_of(b, d, &backing, err) < 0)
        return -1;
    if (as_wanted && (backing || stands_alone(b, d))) {
        rc = copy_file(b, from, to, err);
        if (rc == 0 && backing)
            rc = put_on(to, backing, err);
    } else {
        rc = encode(b, d, from, to, backing, err);
    }
    b->done += b->now;
    return rc;
}

/* ---- what lies beside the images ---- */

static int bring_definitions(const struct bringing *b, struct err *err)
{
    CLEANUP_FREE char *dir = repository_path(b->r->from, b->chain.items[0].id, "", NULL);
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", dir);
    for (errno = 0; (e = readdir(d)); errno = 0) {
        CLEANUP_FREE char *to = NULL, *text = NULL;
        size_t len;

        if (!manifest_is_definition(e->d_name))
            continue;
        to = repository_image(b->r->path, b->r->plan->id, e->d_name, true);
        if (read_small_at(dirfd(d), e->d_name, dir, BESIDE_MAX, &text, &len, err) < 0 ||
            write_file_durably(to, text, len, 0600, err) < 0)
            return -1;
    }
    return errno ? err_errno(err, errno, "%s", dir) : 0;
}

int repository_bring(const struct bring_request *r, struct err *err)
{
    CLEANUP(repository_unhold) struct repository_hold hold = {0};
    CLEANUP(bringing_done) struct bringing b = {.r = r, .since = monotonic_ns()};

    if (!r->plan->copy_of)
        return err_set(err, ERR_INVALID, "%s is no copy", r->plan->id);
    if (repository_hold(r->from, r->plan->copy_of, &hold, err) < 0 ||
        read_chain(r->from, r->plan->copy_of, &b.chain, err) < 0)
        return -1;
    b.buffer = xcalloc(1, PIECE);
    for (size_t i = 0; i < r->plan->disks.n; i++)
        b.total += bytes_of(&b, &r->plan->disks.items[i]);
    if (check_room(&b, b.total, err) < 0 || bring_definitions(&b, err) < 0)
        return -1;
    for (size_t i = 0; i < r->plan->disks.n; i++)
        if (bring_disk(&b, &r->plan->disks.items[i], err) < 0)
            return err_wrap(err, "disk %s", r->plan->disks.items[i].name);
    return 0;
}

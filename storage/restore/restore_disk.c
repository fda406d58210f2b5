/* SPDX-License-Identifier: MIT */
#include "storage/restore/restore_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/repository/content.h"
#include "storage/images/convert.h"
#include "storage/digest/leaves.h"
#include "storage/repository/repository_priv.h"
#include "storage/restore/write_out.h"

#define DIGITS 16                    /* of a content digest, in a file's name */
#define WORTH_IT (UINT64_C(1) << 20) /* a file with less is begun anew */
#define GAP_MAX (UINT64_C(32) << 20) /* between two ranges that are written as one */
#define QCOW2_SIZE_AT 24             /* where a header has the disk's size, big endian */

void restore_disk_done(struct restore_disk *d)
{
    free(d->partial);
    free(d->bad_point);
}

static const struct point_disk *kept_disk(const struct restore_disk *d)
{
    return point_find_disk(&d->chain->items[0], d->name);
}

static bool is_read_back(const struct restore_disk *d)
{
    return !d->no_verify && kept_disk(d)->content;
}

static bool is_qcow2(const struct restore_disk *d)
{
    return str_eq(d->format, "qcow2");
}

/* ---- its file ---- */

/* QEMU's descriptions, by which parts of images are named, are JSON. */
static bool is_utf8(const char *text)
{
    json_t *o = json_string(text);

    json_decref(o);
    return o;
}

/* NULL: it cannot be gone on with.  Caller frees. */
static char *partial_name(const struct restore_disk *d)
{
    const char *content = kept_disk(d)->content;

    if (!is_read_back(d) || !is_utf8(d->path) || !is_utf8(d->repository))
        return NULL;
    return xasprintf("%s.partial-%.*s", d->path, DIGITS, content + strlen(CONTENT_PREFIX));
}

/* As we make it. */
static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink == 1 &&
           (st->st_mode & 07777) == 0600;
}

bool restore_disk_is_begun(const struct restore_disk *d, uint64_t *ret_allocated)
{
    CLEANUP_FREE char *name = partial_name(d);
    struct stat st;

    if (!name || lstat(name, &st) < 0 || !is_ours(&st))
        return false;
    if (ret_allocated)
        *ret_allocated = (uint64_t)st.st_blocks * 512;
    return (uint64_t)st.st_blocks * 512 >= WORTH_IT;
}

bool restore_disk_is_finished(const struct restore_disk *d)
{
    CLEANUP_FREE char *name = partial_name(d);
    struct stat a, b;

    return name && lstat(name, &a) == 0 && lstat(d->path, &b) == 0 && S_ISREG(a.st_mode) &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void restore_disk_plan(struct restore_disk *d)
{
    d->passes =
        1 + is_read_back(d) + (restore_disk_is_begun(d, NULL) || restore_disk_is_finished(d));
}

/* For our user alone, under a name that nobody has, if possible one that the next restore finds. */
static int make_file(struct restore_disk *d, struct err *err)
{
    CLEANUP_FREE char *name = partial_name(d);
    struct stat st;
    int fd = -1;

    if (name && lstat(name, &st) == 0 && is_ours(&st))
        unlink(name);
    if (name)
        fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    d->named = fd >= 0;
    if (fd < 0) {
        free(name);
        name = xasprintf("%s.partial-XXXXXX", d->path);
        fd = mkostemp(name, O_CLOEXEC);
    }
    if (fd < 0)
        return err_errno(err, errno, "create %s", name);
    close(fd);
    d->partial = TAKE_PTR(name);
    return 0;
}

/* ---- how far it is ---- */

static bool say(struct restore_disk *d, bool checking, double part)
{
    return d->progress(d->ctx, checking, (d->pass + part) / d->passes);
}

static bool on_read(void *ctx, uint64_t done, uint64_t total)
{
    return say(ctx, true, total ? (double)done / (double)total : 0);
}

/* ---- what an earlier one has written ---- */

struct ranges {
    VEC(struct content_range) list;
    uint64_t bytes;
};

static struct content_check check_of(struct restore_disk *d)
{
    return (struct content_check){.path = d->repository,
                                  .chain = d->chain,
                                  .disk = d->name,
                                  .image = d->partial,
                                  .format = d->format,
                                  .bandwidth = d->bandwidth,
                                  .progress = on_read,
                                  .ctx = d};
}

static uint64_t size_in_header(int fd)
{
    unsigned char b[8];
    uint64_t ret = 0;

    if (pread(fd, b, sizeof(b), QCOW2_SIZE_AT) != sizeof(b))
        return 0;
    for (size_t i = 0; i < sizeof(b); i++)
        ret = ret << 8 | b[i];
    return ret;
}

/* It can be written on as an image of that size. */
static bool make_fit(const struct restore_disk *d)
{
    const char *repair[] = {"qemu-img", "check", "-q",       "-r", "all",
                            "-f",       "qcow2", d->partial, NULL};
    const uint64_t capacity = kept_disk(d)->capacity;
    CLEANUP_CLOSE int fd = open(d->partial, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct err ignored = ERR_INIT;

    if (fd < 0)
        return false;
    if (!is_qcow2(d))
        return ftruncate(fd, (off_t)capacity) == 0;
    return size_in_header(fd) == capacity && proc_run(repair, NULL, &ignored) == 0;
}

/* Those that are wrong, and what lies between them where that is little.  What is listed is the
 * beginning; where that is not all, the rest of the disk is taken for wrong. */
static void take_ranges(const struct content_found *f, uint64_t capacity, struct ranges *ret)
{
    uint64_t listed = 0;

    for (size_t i = 0; i < f->ranges.n; i++) {
        const struct content_range *r = &f->ranges.items[i];
        struct content_range *last = ret->list.n ? &ret->list.items[ret->list.n - 1] : NULL;

        listed += tree_leaves(r->length);
        if (last && r->offset - (last->offset + last->length) < GAP_MAX)
            last->length = r->offset + r->length - last->offset;
        else
            *VEC_ADD(&ret->list) = *r;
    }
    if (listed < f->leaves)
        ret->list.items[ret->list.n - 1].length =
            capacity - ret->list.items[ret->list.n - 1].offset;
    for (size_t i = 0; i < ret->list.n; i++)
        ret->bytes += ret->list.items[i].length;
}

/* *ret_usable: what ret does not have of it is right.  -1: canceled. */
static int look(struct restore_disk *d, struct ranges *ret, bool *ret_usable, struct err *err)
{
    CLEANUP(content_found_done) struct content_found found = {0};
    const struct content_check c = check_of(d);
    struct err said = ERR_INIT;

    *ret_usable = false;
    if (!make_fit(d))
        return 0;
    if (content_check(&c, &found, &said) < 0) {
        if (said.code != ERR_CANCELED)
            return 0;
        *err = said;
        return -1;
    }
    if (!found.good && found.leaves == 0)
        return 0;
    if (!found.good)
        take_ranges(&found, kept_disk(d)->capacity, ret);
    *ret_usable = true;
    d->kept = kept_disk(d)->capacity - ret->bytes;
    return 0;
}

/* What has its name is right, and stays; or it is to be replaced, and the other name of it goes. */
static int look_at_finished(struct restore_disk *d, struct err *err)
{
    CLEANUP(content_found_done) struct content_found found = {0};
    struct content_check c = check_of(d);
    struct stat st;

    c.image = d->path;
    c.locked = d->replaces;
    if (content_check(&c, &found, err) < 0)
        return err_wrap(err, "%s, which an interrupted restore has left", d->path);
    d->pass++;
    if (!found.good && !d->replaces)
        return err_set(err, ERR_EXISTS,
                       "%s: is there already; an interrupted restore has made it, and it was "
                       "written to since: choose another directory, move it away, or have it "
                       "replaced by --force",
                       d->path);
    d->partial = partial_name(d);
    if (!found.good) {
        unlink(d->partial);
        free(TAKE_PTR(d->partial));
        return 0;
    }
    if (stat(d->path, &st) < 0)
        return err_errno(err, errno, "%s", d->path);
    d->allocated = (uint64_t)st.st_blocks * 512;
    d->kept = kept_disk(d)->capacity;
    d->named = d->found = d->finished = true;
    return 0;
}

/* ---- writing ---- */

/* Of the ranges, which one, and how much lies before it. */
struct writing {
    struct restore_disk *d;
    uint64_t before, length, all;
};

static bool on_converted(void *ctx, double percent)
{
    const struct writing *w = ctx;

    return say(w->d, false,
               ((double)w->before + percent / 100 * (double)w->length) / (double)w->all);
}

static int convert(struct restore_disk *d, const struct content_range *part, struct writing *w,
                   struct err *err)
{
    CLEANUP_FREE char *source =
        repository_image(d->repository, d->chain->items[0].id, kept_disk(d)->path, false);
    const struct conversion c = {.source = source,
                                 .target = d->partial,
                                 .format = d->format,
                                 .steady = d->named && is_qcow2(d),
                                 .from = part ? part->offset : 0,
                                 .length = part ? part->length : 0,
                                 .stays_cached = d->cached,
                                 .bandwidth = d->bandwidth,
                                 .progress = on_converted,
                                 .ctx = w};

    return convert_image(&c, err);
}

static int write_all(struct restore_disk *d, struct err *err)
{
    CLEANUP_FREE char *size = xasprintf("%" PRIu64, kept_disk(d)->capacity);
    const char *create[] = {"qemu-img", "create", "-q", "-f", "qcow2", d->partial, size, NULL};
    struct writing w = {.d = d, .length = 1, .all = 1};

    if (d->named && is_qcow2(d) && proc_run(create, NULL, err) < 0)
        return -1;
    return convert(d, NULL, &w, err);
}

static int write_ranges(struct restore_disk *d, const struct ranges *r, struct err *err)
{
    struct writing w = {.d = d, .all = r->bytes};

    for (size_t i = 0; i < r->list.n; i++) {
        w.length = r->list.items[i].length;
        if (convert(d, &r->list.items[i], &w, err) < 0)
            return -1;
        w.before += w.length;
    }
    return 0;
}

/* Goes on with what is there, or begins. */
static int write_image(struct restore_disk *d, struct err *err)
{
    CLEANUP_FREE char *name = restore_disk_is_begun(d, NULL) ? partial_name(d) : NULL;
    struct ranges ranges = {0};
    bool usable = false;
    int rc = 0;

    if (name) {
        d->partial = TAKE_PTR(name);
        d->named = d->found = true;
        rc = look(d, &ranges, &usable, err);
        d->pass++;
    }
    if (rc == 0 && !usable) {
        free(TAKE_PTR(d->partial));
        d->found = false;
        rc = make_file(d, err) < 0 ? -1 : write_all(d, err);
    } else if (rc == 0) {
        rc = write_ranges(d, &ranges, err);
    }
    free(ranges.list.items);
    return rc;
}

/* ---- reading it back ---- */

/* What was written is not what the point holds: because the repository has lost it, or because what
 * was written came out wrong. */
static int tell_difference(struct restore_disk *d, struct content_check *c,
                           const struct content_found *written, struct err *err)
{
    CLEANUP(content_found_done) struct content_found kept = {0};
    CLEANUP_FREE char *where = NULL;

    d->useless = true;
    c->image = NULL;
    c->cached = false;
    if (content_check(c, &kept, err) < 0)
        return -1;
    if (!kept.good)
        return content_damaged(c, &kept, &d->bad_point, err);
    where = content_difference(written);
    return err_set(err, ERR_IO, "%s: does not hold what was written to it, %s", d->partial, where);
}

/* Held against the content digest of the point, where it has one. */
static int check_written(struct restore_disk *d, struct err *err)
{
    CLEANUP(content_found_done) struct content_found found = {0};
    struct content_check c = check_of(d);

    c.cached = d->cached;
    if (content_check(&c, &found, err) < 0)
        return err_wrap(err, "reading back what was written");
    return found.good ? 0 : tell_difference(d, &c, &found, err);
}

/* What was synced leaves the page cache. */
static int let_go(struct restore_disk *d, int fd, struct err *err)
{
    struct stat st;

    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (fstat(fd, &st) < 0) /* not before: blocks are given when data is written out */
        return err_errno(err, errno, "%s", d->partial);
    d->allocated = (uint64_t)st.st_blocks * 512;
    return 0;
}

/* Of the page cache it is read while the disk takes it, else when it lies there. */
static int sync_and_check(struct restore_disk *d, int fd, struct err *err)
{
    struct err late = ERR_INIT;
    struct write_out out;
    int rc = 0, synced;

    write_out_start(&out, fd, d->partial);
    if (d->cached && is_read_back(d))
        rc = check_written(d, err);
    synced = write_out_wait(&out, &late);
    if (rc == 0 && synced < 0)
        *err = late;
    if (rc < 0 || synced < 0 || let_go(d, fd, err) < 0)
        return -1;
    return !d->cached && is_read_back(d) ? check_written(d, err) : 0;
}

static int write_and_check(struct restore_disk *d, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;

    if (write_image(d, err) < 0)
        return -1;
    d->pass++;
    fd = open(d->partial, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "%s", d->partial);
    return sync_and_check(d, fd, err);
}

int restore_disk_write(struct restore_disk *d, struct err *err)
{
    if (restore_disk_is_finished(d) && look_at_finished(d, err) < 0)
        return -1;
    if (!d->finished && write_and_check(d, err) < 0)
        return -1;
    d->done = true;
    d->pass = d->passes;
    say(d, false, 0);
    return 0;
}

int restore_disk_name(struct restore_disk *d, bool *ret_made, struct err *err)
{
    *ret_made = false;
    if (d->finished)
        return 0;
    if (d->replaces && path_exists(d->path)) {
        if (rename(d->partial, d->path) < 0)
            return err_errno(err, errno, "%s", d->path);
        free(TAKE_PTR(d->partial));
        return 0;
    }
    if (!d->named || link(d->partial, d->path) < 0) { /* or the file system has no links */
        if (rename_new(d->partial, d->path, err) < 0)
            return -1;
        free(TAKE_PTR(d->partial));
    }
    *ret_made = true;
    return 0;
}

void restore_disk_settle(struct restore_disk *d)
{
    if (d->partial)
        unlink(d->partial);
    free(TAKE_PTR(d->partial));
}

bool restore_disk_undo(struct restore_disk *d, bool stays)
{
    if (!d->partial)
        return false;
    if (d->named && !d->useless && (d->found || (stays && restore_disk_is_begun(d, NULL))))
        return true;
    unlink(d->partial);
    return false;
}

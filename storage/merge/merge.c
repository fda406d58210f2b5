/* SPDX-License-Identifier: MIT */
#include "storage/merge/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/manifest.h"
#include "storage/merge/merge_compact.h"
#include "storage/merge/merge_images.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/pin.h"
#include "storage/repository/point_hold.h"
#include "storage/images/qcow2_growth.h"
#include "storage/repository/repository_priv.h"
#include "storage/digest/tree.h"

/* The journal, a manifest, tables. */
#define SMALL_FILES (UINT64_C(1) << 20)

struct merge {
    const char *path;
    const struct repository_access *access;
    const struct merge_request *r;
    int domain, goes_dir, into_dir;
    struct point goes, into; /* as they are now */
    struct merge_journal journal;
    bool begun;           /* by an earlier call */
    uint64_t total, done; /* bytes of the disks to be moved, and of those that are */
    uint64_t now;         /* of the one at work */
    double part;          /* of that, which is done */
};

static void merge_done(struct merge *m)
{
    const int fds[] = {m->into_dir, m->goes_dir, m->domain};

    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    point_done(&m->goes);
    point_done(&m->into);
    merge_journal_done(&m->journal);
}

static void tell(const struct merge *m)
{
    if (m->r->progress)
        m->r->progress(m->r->ctx, m->done + (uint64_t)(m->part * (double)m->now), m->total);
}

/* ---- before anything is touched ---- */

/* Nobody else has it while the descriptor is open, here or in a qemu-img that outlives us. */
static int take(const struct merge *m, const char *id, int *ret, struct err *err)
{
    if (point_take(m->domain, m->path, id, ret, err) < 0)
        return -1;
    fcntl(*ret, F_SETFD, 0);
    return 0;
}

/* What p stands on must not be under way itself. */
static int check_bases(const struct merge *m, const struct point *p, struct err *err)
{
    for (size_t i = 0; i < p->disks.n; i++) {
        const char *below = p->disks.items[i].backing;
        CLEANUP(merge_journal_done) struct merge_journal j = {0};
        bool there = false;

        if (!below || str_eq(below, m->r->point))
            continue;
        if (merge_journal_read(m->domain, m->path, below, &j, &there, err) < 0)
            return -1;
        if (there)
            return err_set(err, ERR_BUSY, "%s is being merged into %s, which comes first", below,
                           j.into);
    }
    return 0;
}

static int check_whole(const struct merge *m, struct err *err)
{
    CLEANUP(point_list_done) struct point_list chain = {0};

    if (read_chain(m->path, m->r->into, &chain, err) < 0)
        return -1;
    for (size_t i = 0; i < m->into.disks.n; i++)
        if (check_disk_chain(m->path, &chain, m->r->into, m->into.disks.items[i].name, NULL, err) <
            0)
            return -1;
    return 0;
}

static bool stands_on_it(const struct merge *m)
{
    for (size_t i = 0; i < m->into.disks.n; i++)
        if (str_eq(m->into.disks.items[i].backing, m->r->point))
            return true;
    return str_eq(m->into.parent, m->r->point);
}

static int size_of(int dir, const char *file, uint64_t *ret, struct err *err)
{
    struct stat st;

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "%s", file);
    *ret = (uint64_t)st.st_blocks * 512;
    return 0;
}

/* What the image of `point` grows by: at most by all that is moved. */
static uint64_t growth_of(const struct merge *m, const struct point_disk *d, uint64_t bytes)
{
    const struct point_disk *from = point_find_disk(&m->goes, d->name);
    CLEANUP_CLOSE int above = -1, below = -1;
    struct err ignored = ERR_INIT;
    uint64_t ret = 0;

    if (!from || open_file_at(m->into_dir, d->path, d->path, &above, &ignored) < 0 ||
        open_file_at(m->goes_dir, from->path, from->path, &below, &ignored) < 0 ||
        qcow2_growth(above, below, from->path, &ret, &ignored) < 0)
        return bytes;
    return ret < bytes ? ret : bytes;
}

/* Its own tables take longer to read than a look at the sizes: only where those do not do. */
static uint64_t growth(const struct merge *m)
{
    struct err ignored = ERR_INIT;
    uint64_t ret = 0, bytes = 0;

    for (size_t i = 0; i < m->into.disks.n; i++) {
        const struct point_disk *d = &m->into.disks.items[i];

        if (str_eq(d->backing, m->r->point) && size_of(m->into_dir, d->path, &bytes, &ignored) == 0)
            ret += growth_of(m, d, bytes);
    }
    return ret;
}

/* Both were compressed, so what has been merged may be compressed anew. */
static bool may_be_compacted(const struct point_disk *from, const struct point_disk *d)
{
    return from && from->compress && d->compress && !from->encrypted && !d->encrypted;
}

static int check_space(struct merge *m, struct err *err)
{
    char need_text[SIZE_TEXT_MAX], have_text[SIZE_TEXT_MAX];
    /* What is begun is finished: there is no other way back. */
    const uint64_t reserve = m->begun || m->r->into_reserve ? 0 : m->r->reserve;
    uint64_t avail, all, need, bytes = 0;

    for (size_t i = 0; i < m->into.disks.n; i++) {
        const struct point_disk *d = &m->into.disks.items[i];

        if (!str_eq(d->backing, m->r->point))
            continue;
        if (size_of(m->into_dir, d->path, &bytes, err) < 0)
            return -1;
        m->total += bytes;
    }
    if (repository_space(m->path, &avail, &all, err) < 0)
        return -1;
    avail = avail > reserve ? avail - reserve : 0;
    if (m->total + SMALL_FILES <= avail)
        return 0;
    need = growth(m) + SMALL_FILES;
    if (need <= avail)
        return 0;
    return err_set(err, ERR_NOSPACE,
                   "%s: merging takes %s for a while, and only %s are free%s: make so much room on "
                   "that file system; or let `vmkeep delete` have a newest point, on which none "
                   "stands, for that takes no room",
                   m->path, size_text(need, need_text), size_text(avail, have_text),
                   reserve ? " beyond the reserve" : "");
}

static int read_both(struct merge *m, struct err *err)
{
    if (read_manifest(m->goes_dir, m->path, m->r->point, &m->goes, err) < 0 ||
        read_manifest(m->into_dir, m->path, m->r->into, &m->into, err) < 0 ||
        merge_journal_read(m->domain, m->path, m->r->point, &m->journal, &m->begun, err) < 0)
        return -1;
    if (m->begun && !str_eq(m->journal.into, m->r->into))
        return err_set(err, ERR_BUSY, "%s is being merged into %s", m->r->point, m->journal.into);
    if (m->into.state == POINT_DELETING)
        return err_set(err, ERR_BUSY, "%s is being merged itself", m->r->into);
    if (!m->begun && !stands_on_it(m))
        return err_set(err, ERR_INVALID, "%s does not stand on %s", m->r->into, m->r->point);
    return m->begun ? 0 : pin_refuse(&m->goes.pin, m->path, m->r->point, m->access->now, err);
}

/* It is as much work as what is moved, as far as is known before. */
static int count_compaction(struct merge *m, struct err *err)
{
    for (size_t i = 0; i < m->into.disks.n; i++) {
        const struct point_disk *d = &m->into.disks.items[i];
        const struct point_disk *from = point_find_disk(&m->goes, d->name);
        uint64_t bytes = 0;

        if (!str_eq(d->backing, m->r->point) || !may_be_compacted(from, d))
            continue;
        if (size_of(m->goes_dir, from->path, &bytes, err) < 0)
            return -1;
        m->total += bytes;
    }
    return 0;
}

static int begin(struct merge *m, struct err *err)
{
    bool ignored;

    if (read_both(m, err) < 0 || check_bases(m, &m->goes, err) < 0 ||
        check_bases(m, &m->into, err) < 0 || check_whole(m, err) < 0 ||
        check_nothing_stands_on(m->domain, m->path, m->r->point, m->r->into, err) < 0 ||
        check_space(m, err) < 0 || count_compaction(m, err) < 0)
        return -1;
    if (m->begun)
        return 0;
    if (merge_journal_write(m->domain, m->path, &m->goes, m->r->into, err) < 0)
        return -1;
    return merge_journal_read(m->domain, m->path, m->r->point, &m->journal, &ignored, err);
}

/* ---- the images ---- */

static void on_progress(void *ctx, double percent)
{
    struct merge *m = ctx;

    if (percent > m->part * 100) /* negative: it lives, and says no more */
        m->part = percent / 100;
    tell(m);
}

static bool same(const unsigned char *a, const unsigned char *b)
{
    return memcmp(a, b, TREE_DIGEST) == 0;
}

/* An interrupted merge may have come so far. */
static bool is_absorbed(const struct tree *above, const struct tree *below)
{
    if (!above->delta)
        return true;
    return below->delta && same(above->below, below->below) && !same(above->below, below->content);
}

/* Before the image: what the trees of both list reads the same over the one as over the other.  One
 * of a point that stands on one without a tree knows less than it must then, and goes: the disk's
 * digest in the manifest stays. */
static int merge_trees(const struct merge *m, const struct point_disk *from,
                       const struct point_disk *d, struct err *err)
{
    CLEANUP_FREE char *below_name = tree_file_name(from->path);
    CLEANUP_FREE char *above_name = tree_file_name(d->path);
    CLEANUP_FREE char *below_file = repository_image(m->path, m->goes.id, below_name, false);
    CLEANUP_FREE char *above_file = repository_image(m->path, m->into.id, above_name, false);
    CLEANUP(tree_done) struct tree below = {0}, above = {0};
    struct err why = ERR_INIT;

    if (tree_read(above_file, &above, &why) < 0 && why.code == ERR_NOTFOUND)
        return 0;
    if (why.code == ERR_NONE && tree_read(below_file, &below, &why) == 0 &&
        (is_absorbed(&above, &below) || tree_absorb(&above, &below, &why) == 0))
        return tree_write(above_file, &above, err);
    if (why.code != ERR_NOTFOUND && why.code != ERR_CORRUPT) {
        *err = why;
        return -1;
    }
    if (unlinkat(m->into_dir, above_name, 0) < 0 && errno != ENOENT)
        return err_errno(err, errno, "%s", above_file);
    return 0;
}

static int move_image(const struct merge *m, const struct point_disk *from,
                      const struct point_disk *d, struct err *err)
{
    if (renameat(m->goes_dir, from->path, m->into_dir, d->path) < 0)
        return err_errno(err, errno, "rename %s/%s/%s over the next", m->path, m->goes.id,
                         from->path);
    if (sync_fd(m->into_dir, m->into.id, err) < 0)
        return -1;
    return sync_fd(m->goes_dir, m->goes.id, err);
}

static void piece_done(struct merge *m)
{
    m->done += m->now;
    m->now = 0;
    m->part = 0;
    tell(m);
}

/* An image is worth more than its compression: what fails leaves it as it is.  Killed in it, the
 * merge begins anew with one of both, which hold the same. */
static int compact(struct merge *m, const char *below, const struct point_disk *from,
                   struct point_disk *d, struct err *err)
{
    const struct compression c = {
        .type = d->compress, .reserve = m->r->reserve, .progress = on_progress, .ctx = m};
    struct err ignored = ERR_INIT;
    bool pays = false;

    if (!may_be_compacted(from, d))
        return 0;
    if (size_of(m->goes_dir, from->path, &m->now, err) < 0)
        return -1;
    d->loose = from->loose;
    if (merge_compact_pays(below, from->loose, &pays, &ignored) == 0 && pays)
        merge_compact(below, &c, &d->loose, &ignored);
    piece_done(m);
    return 0;
}

static int merge_disk(struct merge *m, struct point_disk *d, struct err *err)
{
    const struct merge_disk *from_journal = merge_journal_disk(&m->journal, d->name);
    const struct point_disk *from = point_find_disk(&m->goes, d->name);
    CLEANUP_FREE char *above = repository_image(m->path, m->into.id, d->path, false);
    CLEANUP_FREE char *below = NULL;
    CLEANUP_CLOSE int fd = -1;
    struct image_merge q = {.above = above, .again = m->begun, .progress = on_progress, .ctx = m};

    if (!from || !from_journal)
        return err_set(err, ERR_CORRUPT, "%s: has no such disk", m->goes.id);
    below = repository_image(m->path, m->goes.id, from->path, false);
    if (open_file_at(m->goes_dir, from->path, below, &fd, err) < 0 ||
        size_of(m->into_dir, d->path, &m->now, err) < 0)
        return -1;
    q.below = below;
    q.below_fd = fd;
    if (image_merge(&q, err) < 0)
        return -1;
    piece_done(m);
    if (compact(m, below, from, d, err) < 0 || merge_trees(m, from, d, err) < 0 ||
        move_image(m, from, d, err) < 0)
        return -1;
    free(d->backing);
    d->backing = xstrdup(from_journal->backing);
    free(TAKE_PTR(d->digest)); /* of the file as it was */
    d->length = 0;
    return 0;
}

/* ---- the manifest, and the end ---- */

static int measure(const struct merge *m, struct point_disk *d, struct err *err)
{
    struct stat st;

    if (fstatat(m->into_dir, d->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "%s/%s/%s", m->path, m->into.id, d->path);
    d->length = (uint64_t)st.st_size;
    d->bytes = (uint64_t)st.st_blocks * 512;
    return 0;
}

static int write_manifest(struct merge *m, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(m->path, m->into.id, "", MANIFEST);
    CLEANUP_FREE char *text = NULL;

    merge_take_over(&m->into, &m->journal, m->goes.id);
    for (size_t i = 0; i < m->into.disks.n; i++)
        if (m->into.disks.items[i].length == 0 && measure(m, &m->into.disks.items[i], err) < 0)
            return -1;
    text = manifest_write(&m->into);
    return replace_file_at(m->into_dir, MANIFEST, where, text, strlen(text), 0600, err);
}

static int remove_rest(const struct merge *m, struct err *err)
{
    CLEANUP_FREE char *deleting = xasprintf("%s%s", point_id_name(m->r->point), DELETING);

    if (m->goes_dir >= 0 &&
        renameat(m->domain, point_id_name(m->r->point), m->domain, deleting) < 0)
        return err_errno(err, errno, "remove %s/%s", m->path, m->r->point);
    if (sync_fd(m->domain, m->path, err) < 0 ||
        remove_suffixed(m->domain, m->path, m->r->point, DELETING, err) < 0)
        return -1;
    return merge_journal_remove(m->domain, m->path, m->r->point, err);
}

static int merge_all(struct merge *m, struct err *err)
{
    if (begin(m, err) < 0)
        return -1;
    tell(m);
    for (size_t i = 0; i < m->into.disks.n; i++)
        if (str_eq(m->into.disks.items[i].backing, m->r->point) &&
            merge_disk(m, &m->into.disks.items[i], err) < 0)
            return err_wrap(err, "disk %s", m->into.disks.items[i].name);
    return write_manifest(m, err) < 0 ? -1 : remove_rest(m, err);
}

/* The directory of the one that goes is gone: all but the rest was done. */
static int finish(struct merge *m, struct err *err)
{
    if (read_manifest(m->into_dir, m->path, m->r->into, &m->into, err) < 0)
        return -1;
    if (stands_on_it(m))
        return err_set(err, ERR_CORRUPT, "%s/%s: stands on %s, which is gone", m->path, m->r->into,
                       m->r->point);
    return remove_rest(m, err);
}

/* Other codes say that nothing was touched. */
static int begun_and_failed(struct err *err)
{
    if (err->code != ERR_CORRUPT && err->code != ERR_CANCELED)
        err->code = ERR_IO;
    return -1;
}

static int open_both(struct merge *m, bool *ret_gone, struct err *err)
{
    struct stat st;

    if (point_id_check(m->r->point, err) < 0 || point_id_check(m->r->into, err) < 0)
        return -1;
    if (!point_ids_share_domain(m->r->point, m->r->into) || str_eq(m->r->point, m->r->into))
        return err_set(err, ERR_INVALID, "%s and %s are not two points of one domain", m->r->point,
                       m->r->into);
    if (open_our_domain_dir(m->path, m->access, m->r->point, false, &m->domain, err) < 0)
        return -1;
    if (m->domain < 0)
        return err_set(err, ERR_NOTFOUND, "%s/%s: is gone", m->path, m->r->into);
    *ret_gone = fstatat(m->domain, point_id_name(m->r->point), &st, AT_SYMLINK_NOFOLLOW) < 0 &&
                errno == ENOENT;
    if (!*ret_gone && take(m, m->r->point, &m->goes_dir, err) < 0)
        return -1;
    return take(m, m->r->into, &m->into_dir, err);
}

int repository_merge(const char *path, const struct repository_access *access,
                     const struct merge_request *r, struct point *ret, struct err *err)
{
    CLEANUP(merge_done)
    struct merge m = {
        .path = path, .access = access, .r = r, .domain = -1, .goes_dir = -1, .into_dir = -1};
    bool gone = false;

    if (open_both(&m, &gone, err) < 0)
        return -1;
    if ((gone ? finish : merge_all)(&m, err) < 0)
        return m.journal.into ? begun_and_failed(err) : -1;
    *ret = m.into;
    m.into = (struct point){0};
    return 0;
}

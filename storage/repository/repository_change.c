/* SPDX-License-Identifier: MIT
 *
 * How a point comes to be and goes.  At each instant it is in exactly one state, told by the name
 * of its directory, and each change of state is one rename:
 *
 *   absent -> TIME.POLICY.partial -> TIME.POLICY -> TIME.POLICY.deleting -> absent
 *             prepare               publish        remove
 *
 * publish syncs all that is inside before its rename, and the directory after it, so that a name
 * without suffix stands for a whole point whatever was cut off where.  Each function begins where
 * an interrupted run of it has left off.
 */
#include "storage/repository/repository_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/images/beside.h"
#include "storage/repository/compress.h"
#include "storage/repository/content.h"
#include "storage/images/image_run.h"
#include "storage/repository/key_mark.h"
#include "storage/repository/manifest.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/pin.h"
#include "storage/repository/point_hold.h"
#include "storage/images/qcow2.h"

#define SYNC_PIECE ((off_t)256 << 20)

/* A plan must be one that can be published, and read again: it is held against the same rules as a
 * manifest. */
static int check_plan(const char *path, const struct point *plan, struct err *err)
{
    CLEANUP_FREE char *text = manifest_write(plan);
    CLEANUP(point_done) struct point again = {0};

    if (path[0] != '/')
        return err_set(err, ERR_INVALID, "%s: the repository's path must be absolute", path);
    if (manifest_read(text, strlen(text), "plan", &again, err) == 0)
        return 0;
    err->code = ERR_INVALID;
    return -1;
}

/* Only what is certainly not there is not there. */
static int exists_at(int dir, const char *name, const char *where, bool *ret, struct err *err)
{
    struct stat st;

    *ret = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return *ret || errno == ENOENT ? 0 : err_errno(err, errno, "%s", where);
}

int remove_suffixed(int domain, const char *path, const char *point_id, const char *suffix,
                    struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, suffix, NULL);
    CLEANUP_FREE char *name = xasprintf("%s%s", point_id_name(point_id), suffix);
    bool there;

    if (exists_at(domain, name, where, &there, err) < 0)
        return -1;
    if (!there)
        return 0;
    if (remove_tree_at(domain, name, where, err) < 0)
        return -1;
    return sync_fd(domain, where, err);
}

/* ---- prepare ---- */

/* The name in the header of the image that stands on point d->backing, which must be whole. */
static int find_backing(const char *path, const struct point_disk *d, char **ret, struct err *err)
{
    CLEANUP(point_list_done) struct point_list chain = {0};
    CLEANUP_FREE char *image = NULL;

    if (read_chain(path, d->backing, &chain, err) < 0 ||
        backing_name(&chain.items[0], d->name, ret, err) < 0 ||
        check_disk_chain(path, &chain, d->backing, d->name, NULL, err) < 0)
        return -1;
    image =
        repository_image(path, d->backing, point_find_disk(&chain.items[0], d->name)->path, false);
    if (image_is_encrypted(image) == !keys_find(path))
        return err_set(err, ERR_INVALID, "%s: a chain is encrypted as a whole, or not at all",
                       image);
    return image_check_opens(image, err);
}

static int prepare_disk(const char *path, const struct point *plan, const struct point_disk *d,
                        struct err *err)
{
    CLEANUP_FREE char *image = repository_image(path, plan->id, d->path, true);
    CLEANUP_FREE char *backing = NULL;

    if (d->backing && find_backing(path, d, &backing, err) < 0)
        return err_wrap(err, "disk %s", d->name);
    if (plan->copy_of) /* repository_bring makes it: which way is known then */
        return 0;
    if (image_create(image, d->capacity, backing, keys_find(path), err) < 0)
        return err_wrap(err, "disk %s", d->name);
    return 0;
}

/* Only root can give files away; others must run QEMU as themselves. */
static int give_away(const char *path, const struct point *plan, const struct point_disk *d,
                     const struct point_origin *origin, struct err *err)
{
    CLEANUP_FREE char *image = repository_image(path, plan->id, d->path, true);

    if (geteuid() != 0 || origin->uid == 0)
        return 0;
    if (lchown(image, origin->uid, origin->gid) < 0)
        return err_errno(err, errno, "give %s to user %u", image, (unsigned)origin->uid);
    return 0;
}

static int check_definitions(const struct definition_list *l, struct err *err)
{
    for (size_t i = 0; l && i < l->n; i++)
        if ((l->items[i].name || !l->items[i].what) && !manifest_is_definition(l->items[i].name))
            return err_set(err, ERR_INVALID, "'%s' is not the name of a definition",
                           l->items[i].name ? l->items[i].name : "");
    return 0;
}

static int prepare_files(const char *path, const struct point *plan,
                         const struct point_origin *origin, struct err *err)
{
    CLEANUP_FREE char *dir = repository_path(path, plan->id, PARTIAL, NULL);

    if (origin && origin->definitions && beside_write(dir, origin->definitions, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->disks.n; i++)
        if (prepare_disk(path, plan, &plan->disks.items[i], err) < 0 ||
            (origin && give_away(path, plan, &plan->disks.items[i], origin, err) < 0))
            return -1;
    return 0;
}

/* Whatever has the plan's name, in whichever state, is not of this job: it makes each name once. */
static int check_name_is_free(int domain, const char *path, const struct point *plan,
                              const char *suffix, const char *what, struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s%s", point_id_name(plan->id), suffix);
    CLEANUP_FREE char *where = repository_path(path, plan->id, suffix, NULL);
    bool there;

    if (exists_at(domain, name, where, &there, err) < 0)
        return -1;
    if (!there)
        return 0;
    return err_set(err, ERR_EXISTS, "%s/%s%s: %s, and not by this job", path, plan->id, suffix,
                   what);
}

int repository_prepare(const char *path, const struct repository_access *access,
                       const struct point *plan, const struct point_origin *origin, struct err *err)
{
    CLEANUP_FREE char *name = NULL;
    CLEANUP_CLOSE int domain = -1;
    struct err ignored = ERR_INIT;

    if (check_plan(path, plan, err) < 0)
        return -1;
    if (!str_eq(plan->catalog, access->self->catalog))
        return err_set(err, ERR_INVALID, "'%s' is not a point of catalog %s", plan->id,
                       access->self->catalog);
    if (origin && check_definitions(origin->definitions, err) < 0)
        return -1;
    if (key_mark_check(path, true, err) < 0)
        return -1;
    if (open_our_domain_dir(path, access, plan->id, true, &domain, err) < 0 ||
        check_name_is_free(domain, path, plan, "", "is published already", err) < 0 ||
        check_name_is_free(domain, path, plan, PARTIAL, "is being made", err) < 0 ||
        check_name_is_free(domain, path, plan, DELETING, "is being removed", err) < 0)
        return -1;
    name = xasprintf("%s%s", point_id_name(plan->id), PARTIAL);
    if (mkdir_searchable(domain, name) < 0)
        return err_errno(err, errno, "create directory %s/%s%s", path, plan->id, PARTIAL);
    if (prepare_files(path, plan, origin, err) < 0) {
        remove_suffixed(domain, path, plan->id, PARTIAL, &ignored);
        return -1;
    }
    return sync_fd(domain, path, err);
}

/* ---- publish ---- */

static void say(const struct publication *how, const char *at)
{
    if (how && how->alive)
        how->alive(at);
}

/* fsync alone could take long for much data that is still in memory, with no sign of life. */
static int sync_image(int fd, uint64_t length, const char *where, const struct publication *how,
                      struct err *err)
{
    for (off_t at = 0; (uint64_t)at < length; at += SYNC_PIECE) {
        if (sync_file_range(fd, at, SYNC_PIECE,
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                SYNC_FILE_RANGE_WAIT_AFTER) < 0)
            break; /* not every file system can; fsync tells of errors, too */
        say(how, where);
    }
    return sync_fd(fd, where, err);
}

static int planned_backing(const char *path, const struct point_disk *d, char **ret,
                           struct err *err)
{
    CLEANUP(point_done) struct point below = {0};
    enum point_presence presence;

    if (!d->backing)
        return 0;
    if (repository_find(path, d->backing, &presence, &below, err) < 0)
        return -1;
    if (presence != POINT_PUBLISHED)
        return err_set(err, ERR_NOTFOUND, "%s, which it stands on, is gone", d->backing);
    return backing_name(&below, d->name, ret, err);
}

/* An image is worth more than its compression: what fails is told, and it stays as it is. */
static void compress_disk(const char *image, const char *backing, struct point_disk *d,
                          const struct publication *how)
{
    const struct compression c = {
        .type = how->compress, .backing = backing, .reserve = how->reserve, .alive = how->alive};
    struct err why = ERR_INIT;

    d->compress = COMPRESS_OFF;
    free(TAKE_PTR(d->why_not));
    if (d->encrypted) { /* QEMU writes compressed clusters in clear text */
        d->why_not = xstrdup("it is encrypted");
        return;
    }
    if (image_compress(image, &c, &why) < 0)
        d->why_not = xstrdup(why.msg);
    else
        d->compress = how->compress;
}

/* The disk's image, complete: it is ours, and on disk. */
static int finish_image(int dir, const char *image, struct point_disk *d,
                        const struct publication *how, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (open_file_at(dir, d->path, image, &fd, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0 || (st.st_uid != geteuid() && fchown(fd, geteuid(), getegid()) < 0))
        return err_errno(err, errno, "%s", image);
    if (sync_image(fd, (uint64_t)st.st_size, image, how, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0) /* again: blocks are counted once they are allocated */
        return err_errno(err, errno, "%s", image);
    d->length = (uint64_t)st.st_size;
    d->bytes = (uint64_t)st.st_blocks * 512;
    return 0;
}

static int check_image(int dir, const char *image, const struct point_disk *d, const char *backing,
                       bool encrypted, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;

    if (open_file_at(dir, d->path, image, &fd, err) < 0 ||
        image_check_header(fd, image, d->capacity, backing, err) < 0)
        return -1;
    if (encrypted && !image_is_encrypted(image))
        return err_set(err, ERR_CORRUPT, "%s: is in clear text, and was made encrypted", image);
    return image_check_opens(image, err);
}

/* The digest of what a guest reads.  Of a copy, read from the disk, it is known before. */
static int take_content(const char *path, const struct point *plan, struct point_disk *d,
                        const struct publication *how, struct err *err)
{
    CLEANUP_FREE char *expected = TAKE_PTR(d->content);

    if (content_take(path, plan, d, d->compress == COMPRESS_OFF, how ? how->alive : NULL, err) < 0)
        return -1;
    if (!plan->copy_of || !expected || str_eq(d->content, expected))
        return 0;
    return err_set(err, ERR_CORRUPT, "the copy does not read as %s does: %s instead of %s",
                   plan->copy_of, d->content, expected);
}

/* Fills in what is known of the image now that it is complete. */
static int finish_disk(const char *path, const struct point *plan, int dir, struct point_disk *d,
                       const struct publication *how, struct err *err)
{
    CLEANUP_FREE char *image = repository_image(path, plan->id, d->path, true);
    CLEANUP_FREE char *backing = NULL;

    if (planned_backing(path, d, &backing, err) < 0 ||
        check_image(dir, image, d, backing, keys_find(path), err) < 0 ||
        image_compress_clean(image, err) < 0)
        return -1;
    d->encrypted = image_is_encrypted(image);
    if (how && how->compress)
        compress_disk(image, backing, d, how);
    free(TAKE_PTR(d->digest));
    if ((plan->copy_of && finish_image(dir, image, d, how, err) < 0) ||
        take_content(path, plan, d, how, err) < 0)
        return -1;
    return plan->copy_of ? 0 : finish_image(dir, image, d, how, err);
}

static int write_manifest(const char *path, const struct point *p, struct err *err)
{
    CLEANUP_FREE char *file = repository_image(path, p->id, MANIFEST, true);
    CLEANUP_FREE char *text = manifest_write(p);

    return write_file_durably(file, text, strlen(text), 0600, err);
}

static int finish_partial(const char *path, int domain, const char *partial, struct point *p,
                          const struct publication *how, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, p->id, PARTIAL, NULL);
    CLEANUP_CLOSE int dir = -1;

    if (open_dir_at(domain, partial, where, &dir, err) < 0)
        return -1;
    for (size_t i = 0; i < p->disks.n; i++) {
        struct point_disk *d = &p->disks.items[i];

        if (finish_disk(path, p, dir, d, how, err) < 0)
            return err_wrap(err, "disk %s", d->name);
        say(how, where);
    }
    /* Of a copy that was said when the point was published. */
    if ((!p->copy_of && beside_settle(where, err) < 0) || write_manifest(path, p, err) < 0)
        return -1;
    return sync_fd(dir, where, err);
}

static bool made_by_job_of(const struct point *p, const struct point *plan)
{
    return plan->catalog && str_eq(p->catalog, plan->catalog) && p->job == plan->job;
}

/* All is in the partial directory: that becomes the point. */
static int publish_partial(const char *path, const struct repository_access *access, const char *id,
                           int domain, struct err *err)
{
    CLEANUP_FREE char *partial = xasprintf("%s%s", point_id_name(id), PARTIAL);
    CLEANUP_FREE char *where = repository_path(path, id, "", NULL);
    CLEANUP_CLOSE int again = -1;
    bool there;
    int sys;

    /* Digests took their time: is it still ours? */
    if (open_our_domain_dir(path, access, id, false, &again, err) < 0)
        return -1;
    if (renameat2(domain, partial, domain, point_id_name(id), RENAME_NOREPLACE) == 0)
        return 0;
    sys = errno;
    if (exists_at(domain, point_id_name(id), where, &there, err) < 0)
        return err_wrap(err, "publish");
    if ((sys != EINVAL && sys != ENOSYS) || there)
        return err_errno(err, sys == EINVAL || sys == ENOSYS ? EEXIST : sys, "publish %s", where);
    return renameat(domain, partial, domain, point_id_name(id)) < 0
               ? err_errno(err, errno, "publish %s/%s", path, id)
               : 0;
}

int repository_publish(const char *path, const struct repository_access *access,
                       const struct point *plan, const struct publication *how, struct point *ret,
                       struct err *err)
{
    CLEANUP_FREE char *partial = NULL;
    CLEANUP(point_done) struct point p = {0};
    CLEANUP_CLOSE int domain = -1;
    enum point_presence presence = POINT_ABSENT;

    if (check_plan(path, plan, err) < 0 ||
        open_our_domain_dir(path, access, plan->id, false, &domain, err) < 0)
        return -1;
    if (domain >= 0 && repository_find(path, plan->id, &presence, &p, err) < 0)
        return -1;
    if (presence == POINT_ABSENT)
        return err_set(err, ERR_NOTFOUND, "%s/%s%s: is gone", path, plan->id, PARTIAL);
    if (presence == POINT_PUBLISHED && plan->catalog && !made_by_job_of(&p, plan))
        return err_set(err, ERR_EXISTS, "%s/%s: is published already, and not by this job", path,
                       plan->id);
    if (presence == POINT_PARTIAL) {
        point_copy(&p, plan);
        partial = xasprintf("%s%s", point_id_name(p.id), PARTIAL);
        if (finish_partial(path, domain, partial, &p, how, err) < 0 ||
            publish_partial(path, access, p.id, domain, err) < 0)
            return -1;
    }
    if (sync_fd(domain, path, err) < 0)
        return -1;
    *ret = p;
    p = (struct point){0};
    return 0;
}

/* ---- remove ---- */

/* access NULL: pinned or not. */
static int take_away(int domain, const char *path, const struct repository_access *access,
                     const char *point_id, struct err *err)
{
    CLEANUP(pin_done) struct point_pin pin = {0};
    CLEANUP_FREE char *where = repository_path(path, point_id, "", NULL);
    CLEANUP_FREE char *deleting = xasprintf("%s%s", point_id_name(point_id), DELETING);
    CLEANUP_CLOSE int dir = -1;

    if (point_take(domain, path, point_id, &dir, err) < 0)
        return -1;
    pin_read_at(dir, path, point_id, &pin);
    if (access && pin_refuse(&pin, path, point_id, access->now, err) < 0)
        return -1;
    if (check_nothing_stands_on(domain, path, point_id, NULL, err) < 0)
        return -1;
    if (renameat(domain, point_id_name(point_id), domain, deleting) < 0)
        return err_errno(err, errno, "remove %s", where);
    return sync_fd(domain, where, err);
}

/* The published point of that name, if this job published it. */
static int discard_published(const char *path, int domain, const struct point *plan,
                             struct err *err)
{
    CLEANUP(point_done) struct point p = {0};
    enum point_presence presence;

    if (repository_find(path, plan->id, &presence, &p, err) < 0)
        return -1;
    if (presence != POINT_PUBLISHED || !made_by_job_of(&p, plan))
        return 0;
    if (take_away(domain, path, NULL, plan->id, err) < 0)
        return -1;
    return remove_suffixed(domain, path, plan->id, DELETING, err);
}

/* A new owner has taken over what is there; but what is being made carries its maker's name. */
int repository_discard(const char *path, const struct repository_access *access,
                       const struct point *plan, enum point_made made, struct err *err)
{
    CLEANUP_CLOSE int domain = -1, ours = -1;
    struct err denied = ERR_INIT;

    if (point_id_check(plan->id, err) < 0 ||
        repository_identify(path, access->id, false, NULL, err) < 0 ||
        find_domain_dir(path, plan->id, &domain, err) < 0)
        return -1;
    if (domain < 0 || made == MADE_NOTHING)
        return 0;
    if (open_our_domain_dir(path, access, plan->id, false, &ours, &denied) < 0 &&
        (denied.code != ERR_DENIED || !plan->catalog)) {
        if (denied.code == ERR_DENIED)
            return 0;
        *err = denied;
        return -1;
    }
    if (remove_suffixed(domain, path, plan->id, PARTIAL, err) < 0)
        return -1;
    if (ours < 0)
        return 0;
    if (remove_suffixed(domain, path, plan->id, DELETING, err) < 0 ||
        merge_journal_remove_lone(domain, path, plan->id, err) < 0)
        return -1;
    return made == MADE_POINT ? discard_published(path, domain, plan, err) : 0;
}

int repository_remove(const char *path, const struct repository_access *access,
                      const char *point_id, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, "", NULL);
    CLEANUP_CLOSE int domain = -1;
    bool there;

    if (open_our_domain_dir(path, access, point_id, false, &domain, err) < 0)
        return -1;
    if (domain < 0)
        return 0;
    if (remove_suffixed(domain, path, point_id, PARTIAL, err) < 0 ||
        remove_suffixed(domain, path, point_id, DELETING, err) < 0 ||
        exists_at(domain, point_id_name(point_id), where, &there, err) < 0)
        return -1;
    if (there && (take_away(domain, path, access, point_id, err) < 0 ||
                  remove_suffixed(domain, path, point_id, DELETING, err) < 0))
        return -1;
    return merge_journal_remove(domain, path, point_id, err);
}

/* SPDX-License-Identifier: MIT
 *
 * Order of effects: everything that can be known beforehand is checked (the point's chain, files
 * in the way, space, digests of image files, which points of older versions have); then the images
 * are written under names of their own, synced, read back and held against the point's content
 * digests; when all are whole they get their names; the definition comes last, and then the images'
 * own names go.  What was made is noted, so that a failure or a cancel takes all of it away again
 * and nothing else.
 */
#include "storage/restore/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/qemu_locks.h"
#include "base/text.h"
#include "storage/images/image_run.h"
#include "storage/repository/point_hold.h"
#include "storage/repository/repository_priv.h"
#include "storage/restore/restore_definition.h"
#include "storage/restore/restore_disks.h"
#include "storage/verify/verify.h"

#define AT_ONCE 4 /* disks */

struct restore {
    const struct restore_request *r;
    char *repository, *to;   /* absolute */
    struct point_list chain; /* the point first */
    struct repository_hold hold;
    struct restore_definition definition;
    VEC(struct restore_disk) disks; /* as those of ret */
    VEC(int) in_the_way;            /* files that will be replaced, locked until then */
    uint64_t total, begun;          /* bytes that all disks will take; that is there of them */
    uint64_t work, done;  /* bytes to be read for digests and to be written; those that are done */
    const char *current;  /* the disk whose images' digests are read */
    char *first_made_dir; /* NULL: the target directory was there */
    struct strlist made;  /* files */
    int lock;             /* on the target directory */
    struct restore_result *ret;
};

void restore_result_done(struct restore_result *r)
{
    point_done(&r->point);
    for (size_t i = 0; i < r->disks.n; i++) {
        free(r->disks.items[i].name);
        free(r->disks.items[i].path);
    }
    free(r->disks.items);
    free(r->definition);
    free(r->tpm);
    free(r->tpm_from);
    free(r->tpm_was);
    strlist_done(&r->lacks);
    free(r->text);
    free(r->name);
    strlist_done(&r->notes);
    free(r->bad_point);
    strlist_done(&r->odd);
    strlist_done(&r->stay);
    *r = (struct restore_result){0};
}

static void restore_done(struct restore *s)
{
    repository_unhold(&s->hold);
    point_list_done(&s->chain);
    strlist_done(&s->made);
    free(s->repository);
    free(s->to);
    restore_definition_done(&s->definition);
    for (size_t i = 0; i < s->disks.n; i++)
        restore_disk_done(&s->disks.items[i]);
    free(s->disks.items);
    for (size_t i = 0; i < s->in_the_way.n; i++)
        close(s->in_the_way.items[i]);
    free(s->in_the_way.items);
    free(s->first_made_dir);
    if (s->lock >= 0)
        close(s->lock);
}

static const struct point *the_point(const struct restore *s)
{
    return &s->chain.items[0];
}

/* ---- before anything is written ---- */

static int read_source(struct restore *s, struct err *err)
{
    const char *id = s->r->point_id;
    CLEANUP_FREE char *dir = repository_path(s->repository, id, "", NULL);
    struct stat st;

    if (point_id_check(id, err) < 0)
        return -1;
    if (lstat(dir, &st) < 0 && errno == ENOENT)
        return err_set(err, ERR_NOTFOUND, "%s: there is no such point in %s", id, s->repository);
    if (repository_hold(s->repository, id, &s->hold, err) < 0)
        return -1;
    return read_chain(s->repository, id, &s->chain, err);
}

static bool is_wanted(const struct restore_request *r, const char *disk)
{
    bool wanted = !r->disks || r->disks->n == 0;

    for (size_t i = 0; !wanted && i < r->disks->n; i++)
        wanted = strcmp(r->disks->items[i], disk) == 0;
    return wanted;
}

static int check_disks_exist(const struct restore *s, struct err *err)
{
    for (size_t i = 0; s->r->disks && i < s->r->disks->n; i++)
        if (!point_find_disk(the_point(s), s->r->disks->items[i]))
            return err_set(err, ERR_NOTFOUND, "%s: has no disk %s", the_point(s)->id,
                           s->r->disks->items[i]);
    return 0;
}

/* The bytes that the image will take when all layers are one; reads the layers' tables only. */
static int measure(const char *image, uint64_t *ret, struct err *err)
{
    const char *argv[] = {"qemu-img", "measure", "--output=json", "-f", "qcow2",
                          "-O",       "qcow2",   image,           NULL};
    CLEANUP_FREE char *out = NULL;
    json_int_t required = 0;
    json_t *o;

    if (image_run(argv, image, NULL, NULL, &out, err) < 0)
        return -1;
    o = json_loads(out, 0, NULL);
    if (!o || json_unpack(o, "{s:I}", "required", &required) < 0 || required < 0) {
        json_decref(o);
        return err_set(err, ERR_INTERNAL, "qemu-img measure: an answer without the size");
    }
    json_decref(o);
    *ret = (uint64_t)required;
    return 0;
}

static char *source_of(const struct restore *s, const char *disk)
{
    return repository_image(s->repository, the_point(s)->id,
                            point_find_disk(the_point(s), disk)->path, false);
}

/* A file that nobody has open, and nobody opens until it was replaced.  What it is of is for the
 * caller to know. */
static int lock_replaced(struct restore *s, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno != ELOOP)
        return err_errno(err, errno, "%s", path);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_INVALID, "%s: is no regular file: that is not replaced", path);
    }
    *VEC_ADD(&s->in_the_way) = fd;
    if (qemu_locks_take(fd) < 0 && errno == EBUSY)
        return err_set(err, ERR_BUSY,
                       "%s: is in use by another program, such as a QEMU that runs on it", path);
    return 0;
}

static int check_way(struct restore *s, const struct restore_disk *d, struct err *err)
{
    struct stat st;

    if (lstat(d->path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", d->path);
    if (s->r->force)
        return lock_replaced(s, d->path, err);
    if (restore_disk_is_finished(d))
        return 0;
    return err_set(err, ERR_EXISTS,
                   "%s: is there already; choose another directory, move it away, or have it "
                   "replaced by --force",
                   d->path);
}

static int plan_disk(struct restore *s, const struct point_disk *d, struct err *err)
{
    CLEANUP_FREE char *name = name_escape(d->name);
    CLEANUP_FREE char *source = source_of(s, d->name);
    struct restored_disk *out = VEC_ADD(&s->ret->disks);
    struct restore_disk w = {.repository = s->repository,
                             .chain = &s->chain,
                             .format = s->r->format,
                             .bandwidth = s->r->bandwidth,
                             .no_verify = s->r->no_verify,
                             .replaces = s->r->force};
    uint64_t begun = 0;

    out->name = xstrdup(d->name);
    out->path =
        xasprintf("%s/%s%s.%s", s->to, s->r->prefix ? s->r->prefix : "", name, s->r->format);
    out->capacity = d->capacity;
    if (check_disk_chain(s->repository, &s->chain, the_point(s)->id, d->name,
                         s->r->no_verify ? &s->ret->odd : NULL, err) < 0 ||
        measure(source, &out->bytes, err) < 0)
        return err_wrap(err, "disk %s", d->name);
    w.name = out->name;
    w.path = out->path;
    w.bytes = out->bytes;
    if (check_way(s, &w, err) < 0)
        return -1;
    restore_disk_plan(&w);
    if (restore_disk_is_finished(&w))
        begun = out->bytes;
    else
        restore_disk_is_begun(&w, &begun);
    *VEC_ADD(&s->disks) = w;
    s->total += out->bytes;
    s->begun += begun < out->bytes ? begun : out->bytes;
    return 0;
}

/* The lowest directory at or above path that exists; *ret_missing: the one below it that does
 * not. */
static char *existing_above(const char *path, char **ret_missing)
{
    char *dir = xstrdup(path);

    *ret_missing = NULL;
    while (!path_exists(dir) && strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0) {
        free(*ret_missing);
        *ret_missing = dir;
        dir = path_dirname(dir);
    }
    return dir;
}

static int check_space(const struct restore *s, struct err *err)
{
    CLEANUP_FREE char *missing = NULL;
    CLEANUP_FREE char *dir = existing_above(s->to, &missing);
    char need[SIZE_TEXT_MAX], have[SIZE_TEXT_MAX];
    const uint64_t lacks = s->total - s->begun;
    uint64_t avail, all;

    if (repository_space(dir, &avail, &all, err) < 0)
        return -1;
    if (lacks <= avail)
        return 0;
    return err_set(err, ERR_NOSPACE, "%s: %s needed, %s free", s->to, size_text(lacks, need),
                   size_text(avail, have));
}

static int plan(struct restore *s, struct err *err)
{
    const struct point *p;

    if (!str_eq(s->r->format, "qcow2") && !str_eq(s->r->format, "raw"))
        return err_set(err, ERR_INVALID, "format '%s' is neither qcow2 nor raw", s->r->format);
    if (read_source(s, err) < 0 || check_disks_exist(s, err) < 0)
        return -1;
    p = the_point(s);
    point_copy(&s->ret->point, p);
    for (size_t i = 0; i < p->disks.n; i++)
        if (is_wanted(s->r, p->disks.items[i].name) && plan_disk(s, &p->disks.items[i], err) < 0)
            return -1;
    if (restore_definition_plan(s->r, s->to, &s->definition, s->ret, err) < 0)
        return -1;
    return check_space(s, err);
}

static bool say_progress(const struct restore *s, const char *disk, bool checking, uint64_t done)
{
    if (!s->r->progress)
        return true;
    return s->r->progress(s->r->ctx, disk, checking, done < s->work ? done : s->work, s->work);
}

/* ---- where they go ---- */

/* For a domain of libvirt's its QEMU, of another user, is to pass; libvirt gives it the images.
 * Locked for as long as we write, so that two restores into one directory do not mix. */
static int take_directory(struct restore *s, struct err *err)
{
    free(existing_above(s->to, &s->first_made_dir));
    if (mkdir_all(s->to, s->r->entered_by_all || s->ret->name ? 0711 : 0700, err) < 0)
        return -1;
    s->lock = open(s->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0)
        return err_errno(err, errno, "%s", s->to);
    if (flock(s->lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "%s: another restore is writing there", s->to);
    return 0;
}

/* ---- the digests ---- */

static bool on_verified(void *ctx, uint64_t done)
{
    struct restore *s = ctx;

    return say_progress(s, s->current, true, s->done + done);
}

static struct verify_request verify_request(struct restore *s, size_t disk)
{
    return (struct verify_request){.path = s->repository,
                                   .chain = &s->chain,
                                   .disk = s->ret->disks.items[disk].name,
                                   .bandwidth = s->r->bandwidth,
                                   .progress = on_verified,
                                   .ctx = s};
}

static int verify_all(struct restore *s, struct err *err)
{
    for (size_t i = 0; i < s->ret->disks.n; i++) {
        const struct verify_request r = verify_request(s, i);

        s->current = r.disk;
        if (verify_disk(&r, &s->ret->bad_point, err) < 0)
            return err_wrap(err, "disk %s", r.disk);
        s->done += verify_bytes(&r);
    }
    return 0;
}

/* ---- the images ---- */

static bool on_written(void *ctx, const char *names, bool checking, uint64_t done)
{
    struct restore *s = ctx;

    return say_progress(s, names, checking, s->done + done);
}

/* None has its name before all are whole. */
static int name_all(struct restore *s, struct err *err)
{
    for (size_t i = 0; i < s->disks.n; i++) {
        struct restore_disk *d = &s->disks.items[i];
        bool made;

        if (restore_disk_name(d, &made, err) < 0)
            return -1;
        if (made)
            strlist_add(&s->made, d->path);
        s->ret->disks.items[i].bytes = d->allocated;
        s->ret->disks.items[i].kept = d->kept;
    }
    return 0;
}

static int settle_all(struct restore *s, struct err *err)
{
    if (sync_dir(s->to, err) < 0)
        return -1;
    for (size_t i = 0; i < s->disks.n; i++)
        restore_disk_settle(&s->disks.items[i]);
    return sync_dir(s->to, err);
}

static void take_bad_point(struct restore *s)
{
    for (size_t i = 0; i < s->disks.n && !s->ret->bad_point; i++)
        s->ret->bad_point = TAKE_PTR(s->disks.items[i].bad_point);
}

/* What is to go at a rate goes one after the other. */
static int write_all(struct restore *s, struct err *err)
{
    struct restore_disks w = {.items = s->disks.items,
                              .n = s->disks.n,
                              .at_once = s->r->bandwidth ? 1 : AT_ONCE,
                              .progress = on_written,
                              .ctx = s};

    s->work = restore_disks_work(&w);
    for (size_t i = 0; i < s->disks.n && !s->r->no_verify; i++) {
        const struct verify_request r = verify_request(s, i);

        s->work += verify_bytes(&r);
    }
    if ((!s->r->no_verify && verify_all(s, err) < 0) || take_directory(s, err) < 0)
        return -1;
    if (restore_disks_write(&w, err) < 0) {
        take_bad_point(s);
        return -1;
    }
    if (name_all(s, err) < 0 ||
        restore_definition_write(&s->definition, s->ret->definition, &s->made, err) < 0)
        return -1;
    return settle_all(s, err);
}

/* canceled: what is half written may be wanted yet. */
static void undo(struct restore *s, bool canceled)
{
    char *dir;

    for (size_t i = 0; i < s->disks.n; i++)
        if (restore_disk_undo(&s->disks.items[i], canceled && s->r->resumable))
            strlist_add(&s->ret->stay, s->disks.items[i].partial);
    for (size_t i = 0; i < s->made.n; i++)
        unlink(s->made.items[i]);
    if (!s->first_made_dir)
        return;
    dir = xstrdup(s->to);
    while ((rmdir(dir) == 0 || errno == ENOENT) && strcmp(dir, s->first_made_dir) != 0) {
        char *above = path_dirname(dir);

        free(dir);
        dir = above;
    }
    free(dir);
}

int restore_run(const struct restore_request *r, struct restore_result *ret, struct err *err)
{
    struct restore_result result = {0};
    struct restore s = {.r = r, .ret = &result, .lock = -1};
    int rc;

    s.repository = realpath(r->repository, NULL);
    s.to = path_absolute(r->to);
    rc = s.repository ? plan(&s, err) : err_errno(err, errno, "%s", r->repository);
    if (rc == 0 && !r->dry_run) {
        rc = write_all(&s, err);
        if (rc < 0)
            undo(&s, err->code == ERR_CANCELED);
    }
    result.text = TAKE_PTR(s.definition.text);
    restore_done(&s);
    if (rc < 0) {
        ret->bad_point = TAKE_PTR(result.bad_point);
        ret->stay = result.stay;
        result.stay = (struct strlist){0};
        restore_result_done(&result);
    } else {
        *ret = result;
    }
    return rc;
}

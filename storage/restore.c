/* SPDX-License-Identifier: MIT
 *
 * Order of effects: everything that can be known beforehand is checked (the point's chain, files
 * in the way, space, digests of image files, which points of older versions have); then one image
 * after the other is written under a name of its own, synced, read back and held against the
 * point's content digest, and renamed; the definition comes last.  What was made
 * is noted, so that a failure or a cancel takes all of it away again and nothing else.
 */
#include "storage/restore.h"

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
#include "base/text.h"
#include "storage/content.h"
#include "storage/convert.h"
#include "storage/image_run.h"
#include "storage/point_hold.h"
#include "storage/repository_priv.h"
#include "storage/restore_definition.h"
#include "storage/verify.h"

struct restore {
    const struct restore_request *r;
    char *repository, *to;   /* absolute */
    struct point_list chain; /* the point first */
    struct repository_hold hold;
    struct restore_definition definition;
    uint64_t total;      /* bytes that all disks will take */
    uint64_t work, done; /* bytes to be read for digests and to be written; those that are done */
    size_t current;      /* the disk being checked or written */
    bool checking;
    uint64_t done_now;    /* of it, so far */
    uint64_t share;       /* that it has in the work, for each time that it is gone through */
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

static int plan_disk(struct restore *s, const struct point_disk *d, struct err *err)
{
    CLEANUP_FREE char *name = name_escape(d->name);
    CLEANUP_FREE char *source = source_of(s, d->name);
    struct restored_disk *out = VEC_ADD(&s->ret->disks);

    out->name = xstrdup(d->name);
    out->path =
        xasprintf("%s/%s%s.%s", s->to, s->r->prefix ? s->r->prefix : "", name, s->r->format);
    out->capacity = d->capacity;
    if (check_disk_chain(s->repository, &s->chain, the_point(s)->id, d->name,
                         s->r->no_verify ? &s->ret->odd : NULL, err) < 0 ||
        measure(source, &out->bytes, err) < 0)
        return err_wrap(err, "disk %s", d->name);
    if (path_exists(out->path))
        return err_set(err, ERR_EXISTS,
                       "%s: is there already; choose another directory, or move it away",
                       out->path);
    s->total += out->bytes;
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
    uint64_t avail, all;

    if (repository_space(dir, &avail, &all, err) < 0)
        return -1;
    if (s->total <= avail)
        return 0;
    return err_set(err, ERR_NOSPACE, "%s: %s needed, %s free", s->to, size_text(s->total, need),
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

/* ---- writing ---- */

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

/* Makes the file, for our user alone, under a name that nobody has. */
static int make_file(struct restore *s, const char *file, char **ret, struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s.partial-XXXXXX", file);
    CLEANUP_CLOSE int fd = mkostemp(name, O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, "create %s", name);
    strlist_add(&s->made, name);
    *ret = TAKE_PTR(name);
    return 0;
}

static bool say_progress(const struct restore *s)
{
    const struct restored_disk *d = &s->ret->disks.items[s->current];
    uint64_t done = s->done + s->done_now;

    if (!s->r->progress)
        return true;
    return s->r->progress(s->r->ctx, d->name, s->checking, done < s->work ? done : s->work,
                          s->work);
}

static bool on_converted(void *ctx, double percent)
{
    struct restore *s = ctx;

    s->done_now = (uint64_t)(percent / 100 * (double)s->share);
    return say_progress(s);
}

/* And out of the page cache: it is the disk that is read back. */
static int sync_file(const char *file, uint64_t *ret_bytes, struct err *err)
{
    CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return err_errno(err, errno, "%s", file);
    if (sync_fd(fd, file, err) < 0)
        return -1;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (fstat(fd, &st) < 0) /* not before: blocks are given when data is written out */
        return err_errno(err, errno, "%s", file);
    *ret_bytes = (uint64_t)st.st_blocks * 512;
    return 0;
}

static bool is_read_back(const struct restore *s, const char *disk)
{
    return !s->r->no_verify && point_find_disk(the_point(s), disk)->content;
}

static bool on_read_back(void *ctx, uint64_t done, uint64_t total)
{
    struct restore *s = ctx;

    s->done_now = total ? (uint64_t)((double)done / (double)total * (double)s->share) : 0;
    return say_progress(s);
}

/* What was written is not what the point holds: because the repository has lost it, or because what
 * was written came out wrong. */
static int tell_difference(struct restore *s, struct content_check *c,
                           const struct content_found *written, struct err *err)
{
    CLEANUP(content_found_done) struct content_found kept = {0};
    CLEANUP_FREE char *where = NULL;
    const char *target = c->image;

    c->image = NULL;
    if (content_check(c, &kept, err) < 0)
        return -1;
    if (!kept.good)
        return content_damaged(c, &kept, &s->ret->bad_point, err);
    where = content_difference(written);
    return err_set(err, ERR_IO, "%s: does not hold what was written to it, %s", target, where);
}

/* Held against the content digest of the point, where it has one. */
static int check_written(struct restore *s, const struct restored_disk *d, const char *file,
                         struct err *err)
{
    CLEANUP(content_found_done) struct content_found found = {0};
    struct content_check c = {.path = s->repository,
                              .chain = &s->chain,
                              .disk = d->name,
                              .image = file,
                              .format = s->r->format,
                              .bandwidth = s->r->bandwidth,
                              .progress = on_read_back,
                              .ctx = s};
    int rc = 0;

    if (!is_read_back(s, d->name))
        return 0;
    s->done_now = 0;
    s->checking = true;
    if (content_check(&c, &found, err) < 0)
        rc = err_wrap(err, "reading back what was written");
    else if (!found.good)
        rc = tell_difference(s, &c, &found, err);
    s->checking = false;
    return rc;
}

static int write_disk(struct restore *s, struct restored_disk *d, struct err *err)
{
    CLEANUP_FREE char *source = source_of(s, d->name);
    CLEANUP_FREE char *partial = NULL;
    struct conversion c = {.source = source,
                           .format = s->r->format,
                           .bandwidth = s->r->bandwidth,
                           .progress = on_converted,
                           .ctx = s};

    s->done_now = 0;
    s->share = d->bytes; /* as the plan counts it; what the file takes is known later */
    if (make_file(s, d->path, &partial, err) < 0)
        return -1;
    c.target = partial;
    if (convert_image(&c, err) < 0)
        return -1;
    if (sync_file(partial, &d->bytes, err) < 0)
        return -1;
    s->done += s->share;
    if (check_written(s, d, partial, err) < 0)
        return -1;
    if (rename_new(partial, d->path, err) < 0)
        return -1;
    strlist_add(&s->made, d->path);
    s->done += is_read_back(s, d->name) ? s->share : 0;
    s->done_now = 0;
    say_progress(s);
    return 0;
}

/* ---- the digests ---- */

static bool on_verified(void *ctx, uint64_t done)
{
    struct restore *s = ctx;

    s->done_now = done;
    return say_progress(s);
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
    s->checking = true;
    for (s->current = 0; s->current < s->ret->disks.n; s->current++) {
        const struct verify_request r = verify_request(s, s->current);

        s->done_now = 0;
        if (verify_disk(&r, &s->ret->bad_point, err) < 0)
            return err_wrap(err, "disk %s", r.disk);
        s->done += verify_bytes(&r);
    }
    s->checking = false;
    s->done_now = 0;
    return 0;
}

static int write_all(struct restore *s, struct err *err)
{
    for (size_t i = 0; i < s->ret->disks.n; i++) {
        const struct verify_request r = verify_request(s, i);

        s->work += s->ret->disks.items[i].bytes + (s->r->no_verify ? 0 : verify_bytes(&r));
        s->work += is_read_back(s, r.disk) ? s->ret->disks.items[i].bytes : 0;
    }
    if (!s->r->no_verify && verify_all(s, err) < 0)
        return -1;
    if (take_directory(s, err) < 0)
        return -1;
    for (s->current = 0; s->current < s->ret->disks.n; s->current++) {
        struct restored_disk *d = &s->ret->disks.items[s->current];

        if (write_disk(s, d, err) < 0)
            return err_wrap(err, "disk %s", d->name);
    }
    if (restore_definition_write(&s->definition, s->ret->definition, &s->made, err) < 0)
        return -1;
    return sync_dir(s->to, err);
}

static void undo(struct restore *s)
{
    char *dir;

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
            undo(&s);
    }
    result.text = TAKE_PTR(s.definition.text);
    restore_done(&s);
    if (rc < 0) {
        ret->bad_point = TAKE_PTR(result.bad_point);
        restore_result_done(&result);
    } else {
        *ret = result;
    }
    return rc;
}

/* SPDX-License-Identifier: MIT
 *
 * What a manifest says while a merge is under way.  The images decide: each was renamed at one
 * instant, and its header says what it stands on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/manifest.h"
#include "storage/merge/merge.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/pin.h"
#include "storage/images/qcow2.h"
#include "storage/repository/repository_priv.h"

static void forget_length(struct point_disk *d)
{
    d->length = 0;
    free(TAKE_PTR(d->digest));
}

/* The image's header; false: it is not there, or none that can be read. */
static bool look(int point_dir, const char *path, const struct point *p, const struct point_disk *d,
                 struct qcow2_header *ret)
{
    CLEANUP_FREE char *where = repository_path(path, p->id, "", d->path);
    CLEANUP_CLOSE int fd = -1;
    struct err ignored = ERR_INIT;

    return open_file_at(point_dir, d->path, where, &fd, &ignored) == 0 &&
           qcow2_read_header(fd, where, ret, &ignored) == 0;
}

/* Its images change, in size too, until the next point has them. */
static void apply_going(int point_dir, const char *path, struct point *p)
{
    p->state = POINT_DELETING;
    for (size_t i = 0; i < p->disks.n; i++) {
        CLEANUP(qcow2_header_done) struct qcow2_header h = {0};

        forget_length(&p->disks.items[i]);
        if (look(point_dir, path, p, &p->disks.items[i], &h))
            p->disks.items[i].capacity = h.capacity;
    }
}

static bool stands_on(const struct qcow2_header *h, const char *id)
{
    CLEANUP_FREE char *prefix = xasprintf("../%s/", point_id_name(id));

    return h->backing && starts_with(h->backing, prefix);
}

void merge_take_over(struct point *p, const struct merge_journal *j, const char *goes)
{
    const char *first = NULL;

    for (size_t i = 0; i < p->disks.n; i++) {
        if (str_eq(p->disks.items[i].backing, goes))
            return; /* there is more to be moved */
        first = first ? first : p->disks.items[i].backing;
    }
    if (str_eq(p->parent, goes)) {
        free(p->parent);
        p->parent = xstrdup(first ? (j->parent ? j->parent : first) : NULL);
    }
    p->level = first ? LEVEL_INCREMENTAL : LEVEL_FULL;
}

static void apply_taking(int point_dir, const char *path, const struct merge_journal *j,
                         const char *goes, struct point *p)
{
    for (size_t i = 0; i < p->disks.n; i++) {
        struct point_disk *d = &p->disks.items[i];
        const struct merge_disk *from = merge_journal_disk(j, d->name);
        CLEANUP(qcow2_header_done) struct qcow2_header h = {0};

        if (!str_eq(d->backing, goes) || !from)
            continue;
        forget_length(d); /* it may hold more zeroes than before (merge_seal.h) */
        if (!look(point_dir, path, p, d, &h) || stands_on(&h, goes))
            continue;
        free(d->backing);
        d->backing = xstrdup(from->backing);
    }
    merge_take_over(p, j, goes);
}

/* What p says it stands on, each once. */
static void bases_of(const struct point *p, struct strlist *ret)
{
    if (p->parent)
        strlist_add(ret, p->parent);
    for (size_t i = 0; i < p->disks.n; i++)
        if (p->disks.items[i].backing && !strlist_has(ret, p->disks.items[i].backing))
            strlist_add(ret, p->disks.items[i].backing);
}

static int merge_apply(int point_dir, const char *path, struct point *p, struct err *err)
{
    CLEANUP(strlist_done) struct strlist bases = {0};
    CLEANUP_CLOSE int domain = openat(point_dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(merge_journal_done) struct merge_journal own = {0};
    bool there;

    if (domain < 0)
        return err_errno(err, errno, "%s/%s/..", path, p->id);
    if (merge_journal_read(domain, path, p->id, &own, &there, err) < 0)
        return -1;
    if (there)
        apply_going(point_dir, path, p);
    bases_of(p, &bases);
    for (size_t i = 0; i < bases.n; i++) {
        CLEANUP(merge_journal_done) struct merge_journal j = {0};

        if (merge_journal_read(domain, path, bases.items[i], &j, &there, err) < 0)
            return -1;
        if (there && str_eq(j.into, p->id))
            apply_taking(point_dir, path, &j, bases.items[i], p);
    }
    return 0;
}

int read_manifest_file(int point_dir, const char *path, const char *point_id, struct point *ret,
                       struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, "", MANIFEST);
    CLEANUP_FREE char *text = NULL;
    CLEANUP(point_done) struct point p = {0};
    size_t len = 0;

    if (read_small_at(point_dir, MANIFEST, where, MANIFEST_MAX, &text, &len, err) < 0) {
        if (err->code == ERR_NOTFOUND) /* the directory is there, so a file is lost */
            err->code = ERR_CORRUPT;
        return -1;
    }
    if (manifest_read(text, len, where, &p, err) < 0)
        return -1;
    if (strcmp(p.id, point_id) != 0)
        return err_set(err, ERR_CORRUPT, "%s: is the manifest of another point, %s", where, p.id);
    *ret = p;
    p = (struct point){0};
    return 0;
}

int read_manifest(int point_dir, const char *path, const char *point_id, struct point *ret,
                  struct err *err)
{
    CLEANUP(point_done) struct point p = {0};

    if (read_manifest_file(point_dir, path, point_id, &p, err) < 0 ||
        merge_apply(point_dir, path, &p, err) < 0)
        return -1;
    pin_read_at(point_dir, path, point_id, &p.pin);
    *ret = p;
    p = (struct point){0};
    return 0;
}

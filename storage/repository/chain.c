/* SPDX-License-Identifier: MIT
 *
 * Chains: a point and those that its images stand on.  The manifests say what should be there, the
 * images' own headers what QEMU will open; both must agree at every step.
 */
#include "storage/repository/repository_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int read_point(const char *path, const char *point_id, struct point *ret, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, "", NULL);
    CLEANUP_CLOSE int domain = -1, dir = -1;

    if (open_domain_dir(path, point_id, false, &domain, err) < 0 ||
        open_dir_at(domain, point_id_name(point_id), where, &dir, err) < 0)
        return -1;
    return read_manifest(dir, path, point_id, ret, err);
}

int read_chain(const char *path, const char *point_id, struct point_list *ret, struct err *err)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    if (read_point(path, point_id, VEC_ADD(&l), err) < 0)
        return -1;
    for (size_t i = 0; i < l.n; i++) {
        for (size_t k = 0; k < l.items[i].disks.n; k++) {
            const char *below = l.items[i].disks.items[k].backing;
            struct point p = {0};

            if (!below || point_list_find(&l, below))
                continue;
            if (read_point(path, below, &p, err) < 0)
                return err_wrap(err, "%s: what it stands on", l.items[i].id);
            *VEC_ADD(&l) = p;
        }
    }
    *ret = l;
    l = (struct point_list){0};
    return 0;
}

int backing_name(const struct point *below, const char *disk, char **ret, struct err *err)
{
    const struct point_disk *d = point_find_disk(below, disk);

    if (!d)
        return err_set(err, ERR_CORRUPT, "%s: has no disk %s to stand on", below->id, disk);
    *ret = xasprintf("../%s/%s", point_id_name(below->id), d->path);
    return 0;
}

/* ret_odd: see check_disk_chain. */
static int check_length(const struct point_disk *d, const char *where, uint64_t length,
                        struct strlist *ret_odd, struct err *err)
{
    CLEANUP_FREE char *text = NULL;

    if (!d->length || length == d->length)
        return 0;
    text = xasprintf("%s: %llu bytes long, its manifest says %llu", where,
                     (unsigned long long)length, (unsigned long long)d->length);
    if (!ret_odd)
        return err_set(err, ERR_CORRUPT, "%s", text);
    if (!strlist_has(ret_odd, text))
        strlist_add(ret_odd, text);
    return 0;
}

static int check_image(const char *path, const struct point *p, const struct point_disk *d,
                       const char *backing, struct strlist *ret_odd, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, p->id, "", d->path);
    CLEANUP_FREE char *dir_name = repository_path(path, p->id, "", NULL);
    CLEANUP_CLOSE int domain = -1, dir = -1, fd = -1;
    struct stat st;

    if (open_domain_dir(path, p->id, false, &domain, err) < 0 ||
        open_dir_at(domain, point_id_name(p->id), dir_name, &dir, err) < 0 ||
        open_file_at(dir, d->path, where, &fd, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", where);
    if (check_length(d, where, (uint64_t)st.st_size, ret_odd, err) < 0)
        return -1;
    return image_check_header(fd, where, d->capacity, backing, err);
}

int check_disk_chain(const char *path, const struct point_list *chain, const char *point_id,
                     const char *disk, struct strlist *ret_odd, struct err *err)
{
    const struct point *p = point_list_find(chain, point_id);

    for (size_t steps = 0; steps < chain->n; steps++) {
        const struct point_disk *d = point_find_disk(p, disk);
        const struct point *below = d ? point_list_find(chain, d->backing) : NULL;
        CLEANUP_FREE char *backing = NULL;

        if (!d)
            return err_set(err, ERR_NOTFOUND, "%s: has no disk %s", p->id, disk);
        if (below && backing_name(below, disk, &backing, err) < 0)
            return -1;
        if (check_image(path, p, d, backing, ret_odd, err) < 0)
            return -1;
        if (!below)
            return 0;
        p = below;
    }
    return err_set(err, ERR_CORRUPT, "%s: disk %s: the chain goes in a circle", point_id, disk);
}

int repository_check_chain_but_lengths(const char *path, const char *point_id,
                                       struct strlist *ret_odd, struct err *err)
{
    CLEANUP(point_list_done) struct point_list chain = {0};

    if (read_chain(path, point_id, &chain, err) < 0)
        return -1;
    for (size_t i = 0; i < chain.items[0].disks.n; i++)
        if (check_disk_chain(path, &chain, point_id, chain.items[0].disks.items[i].name, ret_odd,
                             err) < 0)
            return -1;
    return 0;
}

int repository_check_chain(const char *path, const char *point_id, struct err *err)
{
    return repository_check_chain_but_lengths(path, point_id, NULL, err);
}

int repository_check_encrypted(const char *path, const char *point_id, struct err *err)
{
    CLEANUP(point_done) struct point p = {0};
    enum point_presence presence;
    bool encrypt = keys_find(path);

    if (repository_find(path, point_id, &presence, &p, err) < 0)
        return -1;
    for (size_t i = 0; i < p.disks.n; i++)
        if (p.disks.items[i].encrypted != encrypt)
            return err_set(err, ERR_INVALID, "%s is %s, and the repository %s", point_id,
                           encrypt ? "in clear text" : "encrypted",
                           encrypt ? "encrypts now" : "does not encrypt any more");
    return 0;
}

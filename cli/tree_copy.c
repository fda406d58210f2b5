/* SPDX-License-Identifier: MIT
 *
 * Names are read from the one directory and made in the other by descriptors, so that neither a
 * symbolic link nor a name of the guest's leads anywhere else.  A file is written under a name of
 * its own and renamed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/interrupted.h"
#include "cli/tree_files.h"

#define CHUNK ((size_t)256 << 10)
#define BLOCK ((size_t)4096) /* of zeroes: a hole */
#define DEPTH_MAX 200
#define OPEN_FILES 16

struct copying {
    bool force;
    int depth;
    struct tree_copied *ret;
};

static int copy_entry(struct copying *c, int from, const char *name, int to, const char *to_name,
                      struct err *err);

/* ---- one file ---- */

static bool is_zero(const char *p, size_t n)
{
    return n > 0 && *p == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* At `at`; zeroes stay a hole. */
static int put(int fd, const char *buf, size_t n, off_t at, struct err *err)
{
    while (n > 0) {
        const size_t part = n < BLOCK ? n : BLOCK;
        ssize_t k = is_zero(buf, part) ? (ssize_t)part : pwrite(fd, buf, part, at);

        if (k < 0)
            return err_errno(err, errno, "write");
        buf += k;
        at += k;
        n -= (size_t)k;
    }
    return 0;
}

static int copy_bytes(int from, int to, uint64_t *ret_bytes, struct err *err)
{
    CLEANUP_FREE char *buf = xcalloc(CHUNK, 1);
    off_t at = 0;
    ssize_t n;

    while ((n = read(from, buf, CHUNK)) > 0) {
        if (interrupted)
            return err_set(err, ERR_CANCELED, "interrupted");
        if (put(to, buf, (size_t)n, at, err) < 0)
            return -1;
        at += n;
    }
    if (n < 0)
        return err_errno(err, errno, "read");
    if (ftruncate(to, at) < 0)
        return err_errno(err, errno, "write");
    *ret_bytes += (uint64_t)at;
    return 0;
}

static int keep_attributes(int fd, const struct stat *st, struct err *err)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};

    if (fchmod(fd, st->st_mode & 0777) < 0 || futimens(fd, times) < 0)
        return err_errno(err, errno, "keep mode and times");
    return 0;
}

/* The temporary name gets the place, of which others may have been quicker. */
static int put_in_place(const struct copying *c, int to, const char *partial, const char *name,
                        struct err *err)
{
    if (renameat2(to, partial, to, name, c->force ? 0 : RENAME_NOREPLACE) == 0)
        return 0;
    err_errno(err, errno, "make it");
    unlinkat(to, partial, 0);
    return -1;
}

static int copy_file(struct copying *c, int in, const struct stat *st, int to, const char *to_name,
                     struct err *err)
{
    CLEANUP_FREE char *partial = xasprintf(".vmkeep-partial-%d", (int)getpid());
    CLEANUP_CLOSE int out = openat(to, partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (out < 0)
        return err_errno(err, errno, "make it");
    if (copy_bytes(in, out, &c->ret->bytes, err) < 0 || keep_attributes(out, st, err) < 0) {
        unlinkat(to, partial, 0);
        return -1;
    }
    c->ret->files++;
    return put_in_place(c, to, partial, to_name, err);
}

static int copy_link(struct copying *c, int from, const char *name, int to, const char *to_name,
                     struct err *err)
{
    CLEANUP_FREE char *partial = xasprintf(".vmkeep-partial-%d", (int)getpid());
    char target[PATH_MAX + 1];
    ssize_t n = readlinkat(from, name, target, PATH_MAX);

    if (n < 0)
        return err_errno(err, errno, "read the link");
    target[n] = '\0';
    if (symlinkat(target, to, partial) < 0)
        return err_errno(err, errno, "make it");
    c->ret->links++;
    return put_in_place(c, to, partial, to_name, err);
}

/* ---- directories ---- */

static int copy_names(struct copying *c, int from, int to, struct err *err)
{
    CLEANUP_CLOSE int own = dup(from);
    CLEANUP_CLOSEDIR DIR *d = own < 0 ? NULL : fdopendir(own);
    const struct dirent *e;

    if (!d)
        return err_errno(err, errno, "read the directory");
    own = -1;
    while (errno = 0, (e = readdir(d))) {
        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        if (copy_entry(c, from, e->d_name, to, e->d_name, err) < 0)
            return -1;
    }
    return errno ? err_errno(err, errno, "read the directory") : 0;
}

static int copy_directory(struct copying *c, int from, const char *name, const struct stat *st,
                          int to, const char *to_name, struct err *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    CLEANUP_CLOSE int in = openat(from, name, flags), out = -1;
    int rc;

    if (in < 0)
        return err_errno(err, errno, "open");
    if (c->depth >= DEPTH_MAX)
        return err_set(err, ERR_UNSUPPORTED, "more than %d directories deep", DEPTH_MAX);
    if (mkdirat(to, to_name, 0700) < 0 && (errno != EEXIST || !c->force))
        return err_errno(err, errno, "make it");
    out = openat(to, to_name, flags);
    if (out < 0)
        return err_errno(err, errno, "make it");
    c->depth++;
    rc = copy_names(c, in, out, err);
    c->depth--;
    c->ret->directories++;
    return rc < 0 ? rc : keep_attributes(out, st, err);
}

static int copy_named(struct copying *c, int from, const char *name, const struct stat *st, int to,
                      const char *to_name, struct err *err)
{
    CLEANUP_CLOSE int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    return in < 0 ? err_errno(err, errno, "open") : copy_file(c, in, st, to, to_name, err);
}

static int copy_entry(struct copying *c, int from, const char *name, int to, const char *to_name,
                      struct err *err)
{
    struct stat st;
    int rc = 0;

    if (interrupted)
        return err_set(err, ERR_CANCELED, "interrupted");
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = err_errno(err, errno, "look at it");
    else if (S_ISREG(st.st_mode))
        rc = copy_named(c, from, name, &st, to, to_name, err);
    else if (S_ISDIR(st.st_mode))
        rc = copy_directory(c, from, name, &st, to, to_name, err);
    else if (S_ISLNK(st.st_mode))
        rc = copy_link(c, from, name, to, to_name, err);
    else
        c->ret->skipped++;
    return rc < 0 ? err_wrap(err, "%s", CLIP(to_name)) : 0;
}

/* ---- all ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    remove(path);
    return 0;
}

/* The last part may be a link: that is followed, within the tree. */
static int copy_found(struct copying *c, int root, const char *path, int to, const char *to_name,
                      struct err *err)
{
    CLEANUP_CLOSE int found = -1, in = -1;
    struct stat st;

    if (tree_open(root, path, O_PATH, &found, err) < 0)
        return -1;
    if (fstat(found, &st) < 0)
        return err_errno(err, errno, "%s", CLIP(path));
    if (S_ISDIR(st.st_mode))
        return copy_directory(c, found, ".", &st, to, to_name, err);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: is neither a file nor a directory", CLIP(path));
    if (tree_open(root, path, O_RDONLY, &in, err) < 0)
        return -1;
    return copy_file(c, in, &st, to, to_name, err);
}

int tree_copy(int root, const char *path, const char *to, bool force, struct tree_copied *ret,
              struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(to);
    const char *name = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
    CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct copying c = {.force = force, .ret = ret};
    struct stat st;

    if (fd < 0)
        return err_errno(err, errno, "%s", dir);
    if (!force && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(err, ERR_EXISTS, "%s: is there already; --force replaces it", to);
    if (copy_found(&c, root, path, fd, name, err) == 0)
        return 0;
    if (!force && err->code != ERR_EXISTS)
        nftw(to, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    return -1;
}

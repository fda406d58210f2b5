/* SPDX-License-Identifier: MIT
 *
 * The last line of defence for what is kept: before a point goes, the images beside it are asked
 * what they stand on, those in the making too, so that neither a wrong plan nor a lost catalog can
 * cut a chain.  What cannot be asked may stand on it: only what is certainly no image, or gone,
 * does not.
 */
#include "storage/repository/repository_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/images/qcow2.h"

/* Into *ret, of the file e in dir. */
static int file_stands_on(int dir, const char *file, const char *where, const char *prefix,
                          bool *ret, struct err *err)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    *ret = false;
    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", where);
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return 0;
    if (open_file_at(dir, file, where, &fd, err) < 0)
        return -1;
    if (qcow2_read_header(fd, where, &h, err) < 0) {
        if (err->code != ERR_CORRUPT && err->code != ERR_UNSUPPORTED)
            return -1;
        *err = ERR_INIT; /* no image that QEMU would open */
        return 0;
    }
    *ret = h.backing && starts_with(h.backing, prefix);
    return 0;
}

static int dir_stands_on(int dir, const char *where, const char *name, bool *ret, struct err *err)
{
    CLEANUP_FREE char *prefix = xasprintf("../%s/", name);
    CLEANUP_CLOSEDIR DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
    struct dirent *e;

    *ret = false;
    if (!d)
        return err_errno(err, errno, "%s", where);
    for (errno = 0; !*ret && (e = readdir(d)); errno = 0) {
        CLEANUP_FREE char *file = xasprintf("%s/%s", where, e->d_name);

        if (file_stands_on(dir, e->d_name, file, prefix, ret, err) < 0)
            return -1;
    }
    return !*ret && errno ? err_errno(err, errno, "%s", where) : 0;
}

/* -1 in *ret: it is gone, or no directory. */
static int open_beside(int domain, const char *name, const char *where, int *ret, struct err *err)
{
    if (open_dir_at(domain, name, where, ret, err) == 0)
        return 0;
    if (err->sys != ENOENT && err->sys != ENOTDIR)
        return -1;
    *err = ERR_INIT;
    *ret = -1;
    return 0;
}

int check_nothing_stands_on(int domain, const char *path, const char *point_id, const char *but,
                            struct err *err)
{
    CLEANUP_CLOSEDIR DIR *d = fdopendir(fcntl(domain, F_DUPFD_CLOEXEC, 3));
    const char *name = point_id_name(point_id);
    struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", path);
    rewinddir(d);
    for (errno = 0; (e = readdir(d)); errno = 0) {
        CLEANUP_FREE char *where =
            xasprintf("%s/%.*s%s", path, (int)(name - point_id), point_id, e->d_name);
        CLEANUP_CLOSE int dir = -1;
        bool stands;

        if (e->d_name[0] == '.' || strcmp(e->d_name, name) == 0 || strstr(e->d_name, DELETING) ||
            (but && strcmp(e->d_name, point_id_name(but)) == 0))
            continue;
        if (open_beside(domain, e->d_name, where, &dir, err) < 0 ||
            (dir >= 0 && dir_stands_on(dir, where, name, &stands, err) < 0))
            return err_wrap(err, "%s/%s stays: whether another point stands on it is not known",
                            path, point_id);
        if (dir >= 0 && stands)
            return err_set(err, ERR_BUSY, "%s/%s: %s stands on it", path, point_id, e->d_name);
    }
    return errno ? err_errno(err, errno, "%s", path) : 0;
}

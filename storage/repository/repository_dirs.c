/* SPDX-License-Identifier: MIT */
#include "storage/repository/repository_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

char *repository_path(const char *path, const char *point_id, const char *suffix, const char *file)
{
    return xasprintf("%s/%s%s%s%s", path, point_id, suffix, file ? "/" : "", file ? file : "");
}

char *repository_image(const char *path, const char *point_id, const char *file, bool partial)
{
    return repository_path(path, point_id, partial ? PARTIAL : "", file);
}

int open_dir_at(int dir, const char *name, const char *where, int *ret_fd, struct err *err)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, "%s", where);
    *ret_fd = fd;
    return 0;
}

int open_file_at(int dir, const char *name, const char *where, int *ret_fd, struct err *err)
{
    /* O_NONBLOCK: a FIFO in the place of a file must not hold us up. */
    CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 && errno == ELOOP)
        return err_set(err, ERR_CORRUPT, "%s: is a symbolic link", where);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", where);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CORRUPT, "%s: is not a regular file", where);
    *ret_fd = take_fd(&fd);
    return 0;
}

int sync_fd(int fd, const char *where, struct err *err)
{
    return fsync(fd) < 0 ? err_errno(err, errno, "sync %s", where) : 0;
}

int mkdir_searchable(int dir, const char *name)
{
    /* Whatever the umask: a QEMU of another user must get at the image that it writes. */
    return mkdirat(dir, name, 0711) < 0 || fchmodat(dir, name, 0711, 0) < 0 ? -1 : 0;
}

/* The component of where, in dir; made and synced into dir if it is missing. */
static int make_dir_at(int dir, const char *name, const char *where, struct err *err)
{
    if (mkdir_searchable(dir, name) < 0)
        return errno == EEXIST ? 0 : err_errno(err, errno, "create directory %s", where);
    return sync_fd(dir, where, err);
}

/* The marker must be there before anything is made: an empty mount point must not fill up. */
static int require_marker(int root, const char *path, struct err *err)
{
    if (faccessat(root, "repository.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return err_errno(err, errno, "%s/repository.json", path);
    return err_set(err, ERR_NOTFOUND,
                   "%s: no repository here (repository.json is missing); is the disk not mounted?",
                   path);
}

int open_domain_dir(const char *path, const char *point_id, bool create, int *ret_fd,
                    struct err *err)
{
    CLEANUP_FREE char *names = xstrdup(point_id);
    CLEANUP_FREE char *where = NULL;
    CLEANUP_CLOSE int root = -1, host = -1;
    char *rest = names, *host_name = strsep(&rest, "/"), *domain_name = strsep(&rest, "/");

    if (point_id_check(point_id, err) < 0)
        return -1;
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, errno, "%s", path);
    where = xasprintf("%s/%s/%s", path, host_name, domain_name);
    if (create &&
        (require_marker(root, path, err) < 0 || make_dir_at(root, host_name, where, err) < 0))
        return -1;
    if (open_dir_at(root, host_name, where, &host, err) < 0)
        return -1;
    if (create && make_dir_at(host, domain_name, where, err) < 0)
        return -1;
    return open_dir_at(host, domain_name, where, ret_fd, err);
}

int find_domain_dir(const char *path, const char *point_id, int *ret_fd, struct err *err)
{
    CLEANUP_CLOSE int root = -1;

    if (open_domain_dir(path, point_id, false, ret_fd, err) == 0)
        return 0;
    if (err->code != ERR_NOTFOUND)
        return -1;
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && errno != ENOENT)
        return err_errno(err, errno, "%s", path);
    if (root < 0)
        return err_set(err, ERR_NOTFOUND, "%s: no such directory; is the disk not mounted?", path);
    *ret_fd = -1;
    return require_marker(root, path, err);
}

static int remove_entries(int dir, const char *where, struct err *err)
{
    CLEANUP_CLOSEDIR DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
    struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", where);
    for (errno = 0; (e = readdir(d)); errno = 0) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (remove_tree_at(dir, e->d_name, where, err) < 0)
            return -1;
    }
    return errno ? err_errno(err, errno, "%s", where) : 0;
}

int remove_tree_at(int dir, const char *name, const char *where, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;

    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_errno(err, errno, "remove %s", where);
    if (open_dir_at(dir, name, where, &fd, err) < 0 || remove_entries(fd, where, err) < 0)
        return -1;
    return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? err_errno(err, errno, "remove %s", where) : 0;
}

int read_small_at(int dir, const char *name, const char *where, size_t max, char **ret,
                  size_t *ret_len, struct err *err)
{
    CLEANUP_FREE char *buf = NULL;
    CLEANUP_CLOSE int fd = -1;
    struct stat st;
    ssize_t n;

    if (open_file_at(dir, name, where, &fd, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", where);
    if ((size_t)st.st_size > max)
        return err_set(err, ERR_CORRUPT, "%s: larger than %zu bytes", where, max);
    buf = xcalloc((size_t)st.st_size + 1, 1);
    n = read(fd, buf, (size_t)st.st_size);
    if (n < 0)
        return err_errno(err, errno, "read %s", where);
    *ret_len = (size_t)n;
    *ret = TAKE_PTR(buf);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

char *path_dirname(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return xstrdup(".");
    if (slash == path)
        return xstrdup("/");
    return strndup(path, (size_t)(slash - path));
}

char *path_absolute(const char *path)
{
    CLEANUP_FREE char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *ret = cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);

    for (size_t len = strlen(ret); len > 1 && ret[len - 1] == '/'; len--)
        ret[len - 1] = '\0';
    return ret;
}

bool path_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static int mkdir_each(char *path, mode_t mode, struct err *err)
{
    for (char *p = path + 1; *path; p++) {
        char saved = *p;

        if (saved && saved != '/')
            continue;
        *p = '\0';
        if (mkdir(path, mode) < 0 && errno != EEXIST)
            return err_errno(err, errno, "create directory %s", path);
        if (!saved)
            break;
        *p = saved;
    }
    return 0;
}

int mkdir_all(const char *path, mode_t mode, struct err *err)
{
    CLEANUP_FREE char *copy = xstrdup(path);
    mode_t ours = umask(022); /* others may have to pass, whatever is usual for whoever runs us */
    int rc = mkdir_each(copy, mode, err);
    struct stat st;

    umask(ours);
    if (rc < 0)
        return rc;
    if (stat(path, &st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISDIR(st.st_mode))
        return err_errno(err, ENOTDIR, "%s", path);
    return 0;
}

int share_dir(const char *path, uid_t uid, gid_t gid, struct err *err)
{
    if (geteuid() == 0)
        return chown(path, uid, gid) < 0
                   ? err_errno(err, errno, "give %s to the hypervisor's user", path)
                   : 0;
    if (uid != geteuid() && chown(path, (uid_t)-1, gid) == 0 && chmod(path, 0770) < 0)
        return err_errno(err, errno, "let group %u into %s", (unsigned)gid, path);
    return 0;
}

bool is_in_group(gid_t gid)
{
    int n = getgroups(0, NULL);
    gid_t *groups = xcalloc((size_t)(n > 0 ? n : 0) + 1, sizeof(*groups));
    bool ret = geteuid() == 0 || getegid() == gid;

    n = getgroups(n, groups);
    for (int i = 0; i < n && !ret; i++)
        ret = groups[i] == gid;
    free(groups);
    return ret;
}

int sync_dir(const char *path, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, "open directory %s", path);
    if (fsync(fd) < 0)
        return err_errno(err, errno, "sync directory %s", path);
    return 0;
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int rename_durably(const char *from, const char *to, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(to);

    if (rename(from, to) < 0)
        return err_errno(err, errno, "rename %s to %s", from, to);
    return sync_dir(dir, err);
}

int rename_new(const char *from, const char *to, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(to);
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

    if (rc < 0 && errno == EINVAL) /* the file system cannot; a link is no more than that */
        rc = link(from, to) < 0 ? -1 : unlink(from);
    if (rc < 0 && errno == EEXIST)
        return err_set(err, ERR_EXISTS, "%s: appeared meanwhile", to);
    return rc < 0 ? err_errno(err, errno, "rename %s to %s", from, to) : sync_dir(dir, err);
}

int write_file_durably(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
    CLEANUP_FREE char *tmp = xasprintf("%s.tmp", path);
    CLEANUP_CLOSE int fd = -1;

    /* In a directory of somebody else's what has that name may be a link to anything. */
    unlink(tmp);
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(err, errno, "create %s", tmp);
    if (write_all(fd, data, len) < 0 || fsync(fd) < 0) {
        int sys = errno;

        unlink(tmp);
        return err_errno(err, sys, "write %s", tmp);
    }
    return rename_durably(tmp, path, err);
}

/* A new file in dir beside `name`, which nobody else has; its own name is *ret. */
static int write_beside(int dir, const char *name, const char *where, const void *data, size_t len,
                        mode_t mode, char **ret, struct err *err)
{
    CLEANUP_FREE char *tmp = NULL;
    CLEANUP_CLOSE int fd = -1;
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_errno(err, errno, "random number for a file's name");
    tmp = xasprintf("%s.%016" PRIx64 ".tmp", name, random);
    fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(err, errno, "create %s", where);
    if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
        err_errno(err, errno, "write %s", where);
        unlinkat(dir, tmp, 0);
        return -1;
    }
    *ret = TAKE_PTR(tmp);
    return 0;
}

/* Its second name, if that is free. 0, or an errno. */
static int link_to(int dir, const char *tmp, const char *name)
{
    struct stat st;
    int sys;

    if (linkat(dir, tmp, dir, name, 0) == 0)
        return 0;
    sys = errno;
    /* The answer of a file server may be lost, and its second try finds the first. */
    if (fstatat(dir, tmp, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 2)
        return 0;
    if (sys == EEXIST || renameat2(dir, tmp, dir, name, RENAME_NOREPLACE) == 0)
        return sys == EEXIST ? sys : 0;
    /* A file system that knows neither links nor such renames says so; else why it cannot. */
    return errno == EINVAL || errno == ENOSYS ? sys : errno;
}

int create_file_at(int dir, const char *name, const char *where, const void *data, size_t len,
                   mode_t mode, struct err *err)
{
    CLEANUP_FREE char *tmp = NULL;
    int sys;

    if (write_beside(dir, name, where, data, len, mode, &tmp, err) < 0)
        return -1;
    sys = link_to(dir, tmp, name);
    unlinkat(dir, tmp, 0);
    if (sys)
        return err_errno(err, sys, "create %s", where);
    return fsync(dir) < 0 ? err_errno(err, errno, "sync directory of %s", where) : 0;
}

int replace_file_at(int dir, const char *name, const char *where, const void *data, size_t len,
                    mode_t mode, struct err *err)
{
    CLEANUP_FREE char *tmp = NULL;

    if (write_beside(dir, name, where, data, len, mode, &tmp, err) < 0)
        return -1;
    if (renameat(dir, tmp, dir, name) < 0) {
        err_errno(err, errno, "write %s", where);
        unlinkat(dir, tmp, 0);
        return -1;
    }
    return fsync(dir) < 0 ? err_errno(err, errno, "sync directory of %s", where) : 0;
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP_FREE char *buf = NULL;
    size_t len = 0, cap = 0;

    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    for (;;) {
        ssize_t n;

        if (len + 1 >= cap) {
            cap = cap ? cap * 2 : 4096;
            buf = xreallocarray(buf, cap, 1);
        }
        n = read(fd, buf + len, cap - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "read %s", path);
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max)
            return err_set(err, ERR_INVALID, "%s: larger than %zu bytes", path, max);
    }
    buf[len] = '\0';
    if (ret_len)
        *ret_len = len;
    *ret = TAKE_PTR(buf);
    return 0;
}

const char *path_remote(const char *path)
{
    static const struct {
        uint32_t type; /* statfs(2) */
        const char *name;
    } remote[] = {
        {0x6969, "nfs"},    {0xff534d42, "cifs"}, {0xfe534d42, "smb"},  {0x65735546, "fuse"},
        {0x01021997, "9p"}, {0x5346414f, "afs"},  {0x00c36400, "ceph"},
    };
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
        if ((uint32_t)fs.f_type == remote[i].type)
            return remote[i].name;
    return NULL;
}

void explain_closed(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t len = strlen(err->msg);

    snprintf(err->msg + len, sizeof(err->msg) - len,
             "; if it is not mounted so, vmkeepd's unit closes it to vmkeepd: add "
             "`ReadWritePaths=%.*s` under [Service] by `systemctl edit vmkeepd`, and restart it",
             slash ? (int)(slash - path) : 1, slash ? path : ".");
}

int cannot_create(const char *path, struct err *err)
{
    bool closed = errno == EROFS;

    err_errno(err, errno, "create %s", path);
    if (closed) {
        err->code = ERR_DENIED;
        explain_closed(path, err);
    }
    return -1;
}

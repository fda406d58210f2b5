/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for a disk that cannot be read: of files whose path has READ_FAILS in it all
 * reads of what lies behind the byte FAILS_BEHIND fail (EIO).  Nothing else does. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_of(int fd)
{
    const char *which = getenv("READ_FAILS");
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return strstr(path, which);
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static bool read_fails(int fd, off64_t end)
{
    const char *behind = getenv("FAILS_BEHIND");

    if (!getenv("READ_FAILS") || end <= (behind ? atoll(behind) : 0) || !is_of(fd))
        return false;
    errno = EIO;
    return true;
}

static off64_t bytes_of(const struct iovec *parts, int n)
{
    off64_t ret = 0;

    for (int i = 0; i < n; i++)
        ret += (off64_t)parts[i].iov_len;
    return ret;
}

ssize_t read(int fd, void *buf, size_t len)
{
    if (getenv("READ_FAILS") && read_fails(fd, lseek(fd, 0, SEEK_CUR) + (off64_t)len))
        return -1;
    return REAL(read)(fd, buf, len);
}

ssize_t pread(int fd, void *buf, size_t len, off_t at)
{
    return read_fails(fd, at + (off64_t)len) ? -1 : REAL(pread)(fd, buf, len, at);
}

ssize_t pread64(int fd, void *buf, size_t len, off64_t at)
{
    return read_fails(fd, at + (off64_t)len) ? -1 : REAL(pread64)(fd, buf, len, at);
}

ssize_t preadv(int fd, const struct iovec *parts, int n, off_t at)
{
    return read_fails(fd, at + bytes_of(parts, n)) ? -1 : REAL(preadv)(fd, parts, n, at);
}

ssize_t preadv64(int fd, const struct iovec *parts, int n, off64_t at)
{
    return read_fails(fd, at + bytes_of(parts, n)) ? -1 : REAL(preadv64)(fd, parts, n, at);
}

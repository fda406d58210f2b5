/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for a disk that cannot take what it was given: fdatasync and fsync fail,
 * for files whose path has SYNC_FAILS in it.  Nothing else does. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int sync_as(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *which = getenv("SYNC_FAILS");
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    if (which && strstr(path, which)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fdatasync(int fd)
{
    return sync_as("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_as("fsync", fd);
}

/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for a disk that cannot take what it was given: fdatasync and fsync fail,
 * for files whose path has SYNC_FAILS in it.  Nothing else does.  How much each of them, of
 * a file whose path has SYNC_TELLS in it, has to write is appended to the file SYNC_TOLD: bytes. */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unwritten.h"

static void tell(int fd)
{
    const char *told = getenv("SYNC_TOLD");
    FILE *f = told ? fopen(told, "ae") : NULL;

    if (!f)
        return;
    fprintf(f, "%" PRId64 "\n", unwritten(fd));
    fclose(f);
}

static int sync_as(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *which = getenv("SYNC_FAILS"), *tells = getenv("SYNC_TELLS");
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    if (tells && strstr(path, tells))
        tell(fd);
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

/* SPDX-License-Identifier: MIT
 *
 * A preloaded library that ends its process before its KILL_AT-th write to, cut of or sync of a
 * file below KILL_ROOT; calls of all processes count together, a byte each in KILL_CALLS. Only
 * programs called KILL_PROGRAM... are meant.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_below_root(int fd)
{
    const char *root = getenv("KILL_ROOT");
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return root && strncmp(path, root, strlen(root)) == 0;
}

static void step(int fd)
{
    const char *program = getenv("KILL_PROGRAM");
    struct stat st;
    int calls;

    if (!program || strncmp(program_invocation_short_name, program, strlen(program)) != 0 ||
        !is_below_root(fd))
        return;
    calls = open(getenv("KILL_CALLS"), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    flock(calls, LOCK_EX);
    if (write(calls, ".", 1) != 1 || fstat(calls, &st) < 0)
        abort();
    if (st.st_size == atol(getenv("KILL_AT")))
        kill(getpid(), SIGKILL);
    close(calls);
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    step(fd);
    return REAL(pwrite64)(fd, data, len, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t at)
{
    step(fd);
    return REAL(pwritev64)(fd, parts, n, at);
}

int ftruncate64(int fd, off64_t length)
{
    step(fd);
    return REAL(ftruncate64)(fd, length);
}

int fallocate64(int fd, int mode, off64_t at, off64_t length)
{
    step(fd);
    return REAL(fallocate64)(fd, mode, at, length);
}

int fdatasync(int fd)
{
    step(fd);
    return REAL(fdatasync)(fd);
}

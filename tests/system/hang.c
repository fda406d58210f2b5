/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for a file system that hangs, as one does whose server is dead: calls that
 * have to do with a path under HANG_UNDER wait for as long as the file HANG_WHILE is there.  Each
 * waiting process leaves a file HANG_WHILE.PID with the path and the program's name.
 *
 * A process that hangs can still be killed here; with a dead NFS server that waits until the server
 * is back, too.  While the file HANG_UNKILLABLE is there, nobody who has this library loaded can
 * kill anybody.
 *
 * For a libvirtd that hangs in the middle of a backup's begin, libvirt's call waits as long as the
 * file HANG_BEGIN_WHILE is there, and leaves HANG_BEGIN_WHILE.PID; not one without a checkpoint, by
 * which disks are compared.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool exists(const char *path)
{
    return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

static void note(const char *file, const char *path)
{
    char name[PATH_MAX], text[PATH_MAX + 64];
    int fd, n;

    snprintf(name, sizeof(name), "%s.%d", file, (int)getpid());
    n = snprintf(text, sizeof(text), "%s: %s\n", program_invocation_short_name, path);
    fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (syscall(SYS_write, fd, text, (size_t)n) < 0)
        abort();
    syscall(SYS_close, fd);
}

static void hang_while(const char *file, const char *what)
{
    const struct timespec a_little = {.tv_nsec = 20 * 1000 * 1000};

    if (!file || !exists(file))
        return;
    note(file, what);
    while (exists(file))
        nanosleep(&a_little, NULL);
}

static void hang_if_under(const char *path)
{
    const char *under = getenv("HANG_UNDER");
    int saved = errno;

    if (under && strncmp(path, under, strlen(under)) == 0)
        hang_while(getenv("HANG_WHILE"), path);
    errno = saved;
}

static void hang_fd(int fd)
{
    char link[64], path[PATH_MAX];
    int saved = errno;
    long n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1);
    errno = saved;
    if (n <= 0)
        return;
    path[n] = '\0';
    hang_if_under(path);
}

static void hang_at(int dir, const char *path)
{
    if (!path || *path == '\0')
        hang_fd(dir);
    else if (*path == '/')
        hang_if_under(path);
    else if (dir != AT_FDCWD)
        hang_fd(dir);
}

/* Each passes on to what it hides; the last parameter of those is the arguments. */
#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(type, name, hang, parameters, ...)                                                    \
    type name parameters                                                                           \
    {                                                                                              \
        hang;                                                                                      \
        return REAL(name)(__VA_ARGS__);                                                            \
    }

#define WRAP_OPEN(name)                                                                            \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list ap;                                                                                \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(ap, flags);                                                                       \
        mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;                           \
        va_end(ap);                                                                                \
        hang_at(AT_FDCWD, path);                                                                   \
        return REAL(name)(path, flags, mode);                                                      \
    }
#define WRAP_OPENAT(name)                                                                          \
    int name(int dir, const char *path, int flags, ...)                                            \
    {                                                                                              \
        va_list ap;                                                                                \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(ap, flags);                                                                       \
        mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;                           \
        va_end(ap);                                                                                \
        hang_at(dir, path);                                                                        \
        return REAL(name)(dir, path, flags, mode);                                                 \
    }

int kill(pid_t pid, int sig)
{
    const char *file = getenv("HANG_UNKILLABLE");

    return file && sig != 0 && exists(file) ? 0 : (int)syscall(SYS_kill, pid, sig);
}

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP(DIR *, opendir, hang_at(AT_FDCWD, path), (const char *path), path)
WRAP(int, stat, hang_at(AT_FDCWD, path), (const char *path, struct stat *st), path, st)
WRAP(int, lstat, hang_at(AT_FDCWD, path), (const char *path, struct stat *st), path, st)
WRAP(int, fstat, hang_fd(fd), (int fd, struct stat *st), fd, st)
WRAP(int, fstatat, hang_at(dir, path), (int dir, const char *path, struct stat *st, int flags), dir,
     path, st, flags)
WRAP(int, statx, hang_at(dir, path),
     (int dir, const char *path, int flags, unsigned mask, struct statx *st), dir, path, flags,
     mask, st)
WRAP(int, statvfs, hang_at(AT_FDCWD, path), (const char *path, struct statvfs *st), path, st)
WRAP(int, fstatvfs, hang_fd(fd), (int fd, struct statvfs *st), fd, st)
WRAP(int, access, hang_at(AT_FDCWD, path), (const char *path, int mode), path, mode)
WRAP(int, faccessat, hang_at(dir, path), (int dir, const char *path, int mode, int flags), dir,
     path, mode, flags)
WRAP(char *, realpath, hang_at(AT_FDCWD, path), (const char *path, char *to), path, to)
WRAP(int, mkdir, hang_at(AT_FDCWD, path), (const char *path, mode_t mode), path, mode)
WRAP(int, mkdirat, hang_at(dir, path), (int dir, const char *path, mode_t mode), dir, path, mode)
WRAP(int, unlink, hang_at(AT_FDCWD, path), (const char *path), path)
WRAP(int, unlinkat, hang_at(dir, path), (int dir, const char *path, int flags), dir, path, flags)
WRAP(int, rename, hang_at(AT_FDCWD, to), (const char *from, const char *to), from, to)
WRAP(int, renameat, hang_at(to_dir, to),
     (int from_dir, const char *from, int to_dir, const char *to), from_dir, from, to_dir, to)
WRAP(int, fsync, hang_fd(fd), (int fd), fd)
WRAP(int, fdatasync, hang_fd(fd), (int fd), fd)
WRAP(ssize_t, pread, hang_fd(fd), (int fd, void *to, size_t n, off_t at), fd, to, n, at)
WRAP(ssize_t, pwrite, hang_fd(fd), (int fd, const void *from, size_t n, off_t at), fd, from, n, at)

int virDomainBackupBegin(void *domain, const char *backup, const char *checkpoint, unsigned flags);
WRAP(int, virDomainBackupBegin,
     hang_while(checkpoint ? getenv("HANG_BEGIN_WHILE") : NULL, "virDomainBackupBegin"),
     (void *domain, const char *backup, const char *checkpoint, unsigned flags), domain, backup,
     checkpoint, flags)

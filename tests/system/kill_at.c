/* SPDX-License-Identifier: MIT
 *
 * A preloaded library that kills vmkeepd with SIGKILL at its n-th durable effect: each fsync,
 * fdatasync, rename and link, of the daemon and of vmkeep-store, which works on files for it, is
 * two places, before and after it.  KILL_AT=n.  Other programs that the daemon runs (qemu-img) are
 * left alone. KILL_PROGRAM: another program than vmkeepd.  KILL_WHEN: only places that are
 * passed while that file is there are counted.  KILL_MARK: a file that is made just before the
 * kill, with the process in it, for who is dead may have died of something else.  KILL_STOP: they
 * are only stopped (SIGSTOP), while somebody kills another.  KILL_COUNT: a file for how many
 * places were passed.
 *
 * What a killed process has written is there, synced or not, so the places around a sync are
 * after the journal's words.  KILL_WRITES: the first pwrite to a file after a sync is a place
 * too, where what was done is not in the journal.  KILL_FILES: so is whatever has just been made
 * under a name of its own (open with O_EXCL, mkdir), or has just lost it (unlink, rmdir).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARED "KILL_SHARED" /* the daemon's process and the descriptor of the count, inherited */
#define HELPER "vmkeep-store"

static pid_t daemon_pid;
static atomic_long *passed; /* shared with the helpers */

static void map_count(int fd)
{
    void *p = mmap(NULL, sizeof(*passed), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    passed = p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void start(void)
{
    const char *program = getenv("KILL_PROGRAM"), *shared = getenv(SHARED);
    char text[64];
    int fd;

    if (shared && strcmp(program_invocation_short_name, HELPER) == 0 &&
        sscanf(shared, "%d %d", &daemon_pid, &fd) == 2)
        map_count(fd);
    if (strcmp(program_invocation_short_name, program ? program : "vmkeepd") != 0)
        return;
    daemon_pid = getpid();
    fd = memfd_create("count", 0);
    if (fd < 0 || ftruncate(fd, sizeof(*passed)) < 0)
        return;
    snprintf(text, sizeof(text), "%d %d", (int)daemon_pid, fd);
    setenv(SHARED, text, 1);
    map_count(fd);
}

static void note(const char *file, long n)
{
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%ld\n", n);
    close(fd);
}

static void place(void)
{
    const char *at = getenv("KILL_AT"), *when = getenv("KILL_WHEN");
    const char *mark = getenv("KILL_MARK");
    int saved = errno;
    bool counts = passed && at && (!when || access(when, F_OK) == 0);
    long n;

    if (!counts) {
        errno = saved;
        return;
    }
    n = atomic_fetch_add(passed, 1) + 1;
    note(getenv("KILL_COUNT"), n);
    if (n == atol(at)) {
        int how = getenv("KILL_STOP") ? SIGSTOP : SIGKILL;

        note(mark, getpid());
        kill(daemon_pid, how);
        if (getpid() != daemon_pid)
            kill(getpid(), how);
    }
    errno = saved;
}

#define FDS_MAX 1024
static atomic_bool written[FDS_MAX]; /* since the last sync */

static bool is_first_write(int fd)
{
    return getenv("KILL_WRITES") && fd >= 0 && fd < FDS_MAX && !atomic_exchange(&written[fd], true);
}

static void synced(void)
{
    for (int fd = 0; fd < FDS_MAX; fd++)
        written[fd] = false;
}

#define WRAP(name, params, args)                                                                   \
    int name params                                                                                \
    {                                                                                              \
        int(*real) params = (int(*) params)dlsym(RTLD_NEXT, #name);                                \
        int ret;                                                                                   \
                                                                                                   \
        place();                                                                                   \
        synced();                                                                                  \
        ret = real args;                                                                           \
        place();                                                                                   \
        return ret;                                                                                \
    }

WRAP(fsync, (int fd), (fd))
WRAP(fdatasync, (int fd), (fd))
WRAP(rename, (const char *from, const char *to), (from, to))
WRAP(renameat, (int fd, const char *from, int to_fd, const char *to), (fd, from, to_fd, to))
WRAP(renameat2, (int fd, const char *from, int to_fd, const char *to, unsigned flags),
     (fd, from, to_fd, to, flags))
WRAP(linkat, (int fd, const char *from, int to_fd, const char *to, int flags),
     (fd, from, to_fd, to, flags))
WRAP(link, (const char *from, const char *to), (from, to))

/* ---- names that come and go ---- */

static void named(bool well)
{
    if (well && getenv("KILL_FILES"))
        place();
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & O_CREAT ? va_arg(more, mode_t) : 0;
}

static bool is_new(int flags)
{
    return (flags & O_CREAT) && (flags & O_EXCL);
}

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    va_list more;
    int ret;

    va_start(more, flags);
    ret = real(path, flags, mode_of(flags, more));
    va_end(more);
    named(ret >= 0 && is_new(flags));
    return ret;
}

int openat(int dir, const char *path, int flags, ...)
{
    int (*real)(int, const char *, int, ...) =
        (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
    va_list more;
    int ret;

    va_start(more, flags);
    ret = real(dir, path, flags, mode_of(flags, more));
    va_end(more);
    named(ret >= 0 && is_new(flags));
    return ret;
}

#define NAMES(name, params, args)                                                                  \
    int name params                                                                                \
    {                                                                                              \
        int(*real) params = (int(*) params)dlsym(RTLD_NEXT, #name);                                \
        int ret = real args;                                                                       \
                                                                                                   \
        named(ret >= 0);                                                                           \
        return ret;                                                                                \
    }

NAMES(mkdir, (const char *path, mode_t mode), (path, mode))
NAMES(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
NAMES(unlink, (const char *path), (path))
NAMES(unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
NAMES(rmdir, (const char *path), (path))

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");

    if (is_first_write(fd))
        place();
    return real(fd, buf, n, at);
}

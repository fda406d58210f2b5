/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for a power cut: of files and directories below POWER_ROOT it notes in the
 * directory POWER_NOTES what each sync has made durable, and before the POWER_AT-th sync ends its
 * process; or, with POWER_ERRNO, that sync fails so, and all later ones do.
 * tests/integration/power_cut makes of the notes what a disk may hold then.
 *
 *   POWER_NOTES/INODE   a file's content, or a directory's entries (NUL-terminated: INODE NAME)
 *   POWER_NOTES/calls   a byte a sync
 *
 * What is written after a sync may be noted with it: it may have reached the disk, too.  Journals
 * keep the order of what is done to directories, so a sync of one is a sync of all. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_note(const char *name, int flags)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", getenv("POWER_NOTES"), name);
    return open(path, flags | O_CLOEXEC, 0600);
}

static bool is_below_root(int fd)
{
    const char *root = getenv("POWER_ROOT");
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return root && strncmp(path, root, strlen(root)) == 0;
}

static void copy_file(int fd, int to)
{
    char link[64], buf[65536];
    int from;
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    from = open(link, O_RDONLY | O_CLOEXEC);
    while ((n = read(from, buf, sizeof(buf))) > 0)
        if (write(to, buf, (size_t)n) != n)
            abort();
    close(from);
}

static void list_dir(const char *path, int to)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            dprintf(to, "%llu %s%c", (unsigned long long)e->d_ino, e->d_name, 0);
    closedir(dir);
}

/* A new note takes the old one's place at once.  dir NULL: of the file fd. */
static void note(ino_t ino, const char *dir, int fd)
{
    char new_path[PATH_MAX], path[PATH_MAX];
    int to;

    snprintf(path, sizeof(path), "%s/%llu", getenv("POWER_NOTES"), (unsigned long long)ino);
    snprintf(new_path, sizeof(new_path), "%s/new", getenv("POWER_NOTES"));
    to = open_note("new", O_CREAT | O_TRUNC | O_WRONLY);
    if (dir)
        list_dir(dir, to);
    else
        copy_file(fd, to);
    close(to);
    rename(new_path, path);
}

static int note_if_dir(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type == FTW_D)
        note(st->st_ino, path, -1);
    return 0;
}

static int sync_noted(int fd)
{
    const char *fails = getenv("POWER_ERRNO");
    struct stat st;
    int calls;

    if (!is_below_root(fd))
        return 0;
    calls = open_note("calls", O_CREAT | O_APPEND | O_WRONLY);
    flock(calls, LOCK_EX);
    if (write(calls, ".", 1) != 1 || fstat(calls, &st) < 0)
        abort();
    if (st.st_size >= atol(getenv("POWER_AT"))) {
        if (!fails || !*fails)
            kill(getpid(), SIGKILL);
        close(calls);
        errno = atoi(fails);
        return -1;
    }
    if (fstat(fd, &st) < 0)
        abort();
    if (S_ISDIR(st.st_mode))
        nftw(getenv("POWER_ROOT"), note_if_dir, 8, FTW_PHYS);
    else
        note(st.st_ino, NULL, fd);
    close(calls);
    return 0;
}

int fsync(int fd)
{
    return sync_noted(fd);
}

int fdatasync(int fd)
{
    return sync_noted(fd);
}

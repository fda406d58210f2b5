/* SPDX-License-Identifier: MIT */
#include "base/locked_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define TRIES 10

static void discard_if_left(const char *dir, void (*discard)(const char *dir))
{
    CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    discard(dir);
}

static void sweep(const char *base, const char *prefix, void (*discard)(const char *dir))
{
    CLEANUP_CLOSEDIR DIR *d = opendir(base);
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        CLEANUP_FREE char *path = NULL;

        if (!starts_with(e->d_name, prefix))
            continue;
        path = xasprintf("%s/%s", base, e->d_name);
        discard_if_left(path, discard);
    }
}

/* 1: another process swept it away before it was locked. */
static int make_locked(const char *base, const char *prefix, char **ret_dir, int *ret_lock,
                       struct err *err)
{
    CLEANUP_FREE char *dir = xasprintf("%s/%sXXXXXX", base, prefix);
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (!mkdtemp(dir))
        return err_errno(err, errno, "%s", dir);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || stat(dir, &st) < 0)
        return 1;
    *ret_dir = TAKE_PTR(dir);
    *ret_lock = take_fd(&fd);
    return 0;
}

int locked_dir_make(const char *base, const char *prefix, void (*discard)(const char *dir),
                    char **ret_dir, int *ret_lock, struct err *err)
{
    int rc = 1;

    sweep(base, prefix, discard);
    for (int i = 0; i < TRIES && rc == 1; i++)
        rc = make_locked(base, prefix, ret_dir, ret_lock, err);
    return rc == 1 ? err_set(err, ERR_BUSY, "%s: cannot make a directory in it", base) : rc;
}

/* SPDX-License-Identifier: MIT */
#include "cli/served_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/locked_dir.h"
#include "base/proc.h"
#include "base/text.h"

#define PREFIX "vmkeep-served-"

static const char *runtime_dir(void)
{
    const char *xdg = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");

    if (xdg && *xdg == '/' && access(xdg, W_OK | X_OK) == 0)
        return xdg;
    if (tmp && *tmp == '/')
        return tmp;
    return geteuid() == 0 ? "/run" : "/tmp";
}

/* Of the name something may be mounted; nothing is looked at, for its server may be gone. */
static void unmount(const char *path)
{
    const char *argv[] = {"fusermount3", "-u", "-z", "-q", path, NULL};
    struct err ignored = ERR_INIT;

    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno == EPERM)
        proc_run(argv, NULL, &ignored);
}

static void discard(const char *dir)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        CLEANUP_FREE char *path = xasprintf("%s/%s", dir, e->d_name);

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        unmount(path);
        if (unlink(path) < 0)
            rmdir(path);
    }
    rmdir(dir);
}

void served_dir_remove(const char *dir, int lock)
{
    discard(dir);
    if (lock >= 0)
        close(lock);
}

int served_dir_make(char **ret_dir, int *ret_lock, struct err *err)
{
    return locked_dir_make(runtime_dir(), PREFIX, discard, ret_dir, ret_lock, err);
}

/* SPDX-License-Identifier: MIT */
#include "engine/qmp/state/identity.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define SYSFS_MAX 256

/* Whichever of the process's open files has that name. */
static bool open_file(pid_t pid, const char *path, char ret[PATH_MAX])
{
    char dir[64], target[PATH_MAX];
    const struct dirent *entry;
    bool found = false;
    DIR *d;

    snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)pid);
    d = pid > 0 ? opendir(dir) : NULL;
    while (d && !found && (entry = readdir(d))) {
        ssize_t n = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);

        if (n <= 0)
            continue;
        target[n] = '\0';
        found = strcmp(target, path) == 0 ||
                (starts_with(target, path) && strcmp(target + strlen(path), " (deleted)") == 0);
        snprintf(ret, PATH_MAX, "%s/%.32s", dir, entry->d_name);
    }
    if (d)
        closedir(d);
    return found;
}

/* One line of sysfs; NULL when there is none. */
static char *sysfs_line(dev_t device, const char *name)
{
    CLEANUP_FREE char *path =
        xasprintf("/sys/dev/block/%u:%u/%s", major(device), minor(device), name);
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t len;

    if (read_file(path, SYSFS_MAX, &text, &len, &err) < 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return *text ? TAKE_PTR(text) : NULL;
}

/* Device numbers are dealt out anew with each start of the machine; these stay. */
static char *of_device(dev_t device)
{
    static const char *const names[] = {"dm/uuid", "wwid", "device/wwid", "device/serial",
                                        "loop/backing_file"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP_FREE char *text = sysfs_line(device, names[i]);

        if (text)
            return xasprintf("block device %s", text);
    }
    return xasprintf("block device %u:%u", major(device), minor(device));
}

char *identity_of_file(const char *path, pid_t pid)
{
    char opened[PATH_MAX], born[32];
    struct statx st;
    struct tm tm;
    time_t at;

    if (statx(AT_FDCWD, open_file(pid, path, opened) ? opened : path, 0,
              STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        return NULL;
    if (S_ISBLK(st.stx_mode))
        return of_device(makedev(st.stx_rdev_major, st.stx_rdev_minor));
    at = (time_t)st.stx_btime.tv_sec;
    if (!(st.stx_mask & STATX_BTIME) || !gmtime_r(&at, &tm))
        return xasprintf("inode %llu of device %u:%u", (unsigned long long)st.stx_ino,
                         st.stx_dev_major, st.stx_dev_minor);
    strftime(born, sizeof(born), "%Y-%m-%dT%H:%M:%S", &tm);
    return xasprintf("inode %llu of %s.%09uZ", (unsigned long long)st.stx_ino, born,
                     st.stx_btime.tv_nsec);
}

/* "//user:password@" */
char *identity_of_url(const char *url)
{
    const char *slashes = strstr(url, "//");
    size_t host = slashes ? strcspn(slashes + 2, "/?") : 0;
    const char *at = slashes ? memrchr(slashes + 2, '@', host) : NULL;

    if (!at)
        return xstrdup(url);
    return xasprintf("%.*s%s", (int)(slashes + 2 - url), url, at + 1);
}

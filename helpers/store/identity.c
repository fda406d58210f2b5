/* SPDX-License-Identifier: MIT */
#include "helpers/store/identity.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"

#define SYSFS_MAX 256

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

char *identity_of(const struct statx *st)
{
    time_t at = (time_t)st->stx_btime.tv_sec;
    char born[32];
    struct tm tm;

    if (S_ISBLK(st->stx_mode))
        return of_device(makedev(st->stx_rdev_major, st->stx_rdev_minor));
    if (!(st->stx_mask & STATX_BTIME) || !gmtime_r(&at, &tm))
        return xasprintf("inode %llu of device %u:%u", (unsigned long long)st->stx_ino,
                         st->stx_dev_major, st->stx_dev_minor);
    strftime(born, sizeof(born), "%Y-%m-%dT%H:%M:%S", &tm);
    return xasprintf("inode %llu of %s.%09uZ", (unsigned long long)st->stx_ino, born,
                     st->stx_btime.tv_nsec);
}

/* SPDX-License-Identifier: MIT */
#include "storage/repository_priv.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/qcow2.h"

#define SECTOR UINT64_C(512)

int image_check_header(int fd, const char *where, uint64_t capacity, const char *backing,
                       struct err *err)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    uint64_t whole_sectors = (capacity + SECTOR - 1) / SECTOR * SECTOR;

    if (qcow2_read_header(fd, where, &h, err) < 0)
        return -1;
    if (h.capacity != capacity && h.capacity != whole_sectors)
        return err_set(err, ERR_CORRUPT, "%s: is an image of %llu bytes instead of %llu", where,
                       (unsigned long long)h.capacity, (unsigned long long)capacity);
    if (!str_eq(h.backing, backing))
        return err_set(err, ERR_CORRUPT, "%s: stands on %s instead of %s", where,
                       h.backing ? h.backing : "nothing", backing ? backing : "nothing");
    if (backing && !str_eq(h.backing_format, "qcow2"))
        return err_set(err, ERR_CORRUPT, "%s: does not say that its backing file is qcow2", where);
    return 0;
}

int image_create(const char *file, uint64_t capacity, const char *backing, struct err *err)
{
    CLEANUP_FREE char *size = xasprintf("%llu", (unsigned long long)capacity);
    const char *full[] = {"qemu-img",           "create", "-q", "-f", "qcow2", "-o",
                          "cluster_size=65536", file,     size, NULL};
    const char *increment[] = {
        "qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=65536", "-F", "qcow2",
        "-b",       backing,  "-u", file, size,    NULL};

    if (proc_run(backing ? increment : full, NULL, err) < 0)
        return -1;
    return chmod(file, 0600) < 0 ? err_errno(err, errno, "%s", file) : 0;
}

int image_check_opens(const char *file, struct err *err)
{
    const char *argv[] = {"qemu-img", "info", "-f", "qcow2", file, NULL};

    return proc_run(argv, NULL, err);
}

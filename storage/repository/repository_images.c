/* SPDX-License-Identifier: MIT */
#include "storage/repository/repository_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/images/image_run.h"
#include "storage/images/qcow2.h"

#define SECTOR UINT64_C(512)
#define ARGUMENTS_MAX 20
#define OPTIONS "cluster_size=65536"
#define CREATE_TRIES 5
#define SAID_CPU_BUSY "accurate CPU usage" /* QEMU 7.2 */

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

/* Of a key made of chance, for which no number of rounds is too small. */
#define LUKS_OPTIONS                                                                               \
    OPTIONS ",encrypt.format=luks,encrypt.key-secret=" KEY_OBJECT ",encrypt.iter-time=10"

/* qemu-img measures how fast the machine is, and gives up when that is too busy. */
static int create(const char *const *argv, struct err *err)
{
    for (int tries = 0; proc_run(argv, NULL, err) < 0; tries++) {
        if (tries == CREATE_TRIES || !strstr(err->msg, SAID_CPU_BUSY))
            return -1;
        *err = ERR_INIT;
    }
    return 0;
}

int image_create(const char *file, uint64_t capacity, const char *backing, const struct key *key,
                 struct err *err)
{
    CLEANUP_FREE char *size = xasprintf("%llu", (unsigned long long)capacity);
    CLEANUP_FREE char *object = key ? secret_object(KEY_OBJECT, key->file) : NULL;
    const char *argv[ARGUMENTS_MAX] = {"qemu-img", "create", "-q", "-f", "qcow2", "-o"};
    size_t n = 6;

    argv[n++] = key ? LUKS_OPTIONS : OPTIONS;
    if (backing) {
        argv[n++] = "-F";
        argv[n++] = "qcow2";
        argv[n++] = "-b";
        argv[n++] = backing;
        argv[n++] = "-u";
    }
    if (key) {
        argv[n++] = "--object";
        argv[n++] = object;
    }
    argv[n++] = file;
    argv[n++] = size;
    argv[n] = NULL;
    if (create(argv, err) < 0)
        return -1;
    return chmod(file, 0600) < 0 ? err_errno(err, errno, "%s", file) : 0;
}

int image_check_opens(const char *file, struct err *err)
{
    const char *argv[] = {"qemu-img", "info", "-f", "qcow2", file, NULL};
    const char *read[] = {
        "qemu-img", "map", "--output=json", "--start-offset=0", "--max-length=512", file, NULL};

    if (proc_run(argv, NULL, err) < 0)
        return -1;
    /* Only who reads needs the key. */
    return image_is_encrypted(file) ? image_run(read, file, NULL, NULL, NULL, err) : 0;
}

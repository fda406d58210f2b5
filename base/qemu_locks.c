/* SPDX-License-Identifier: MIT */
#include "base/qemu_locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#define PERMITTED 100 /* RAW_LOCK_PERM_BASE: what the holder does */
#define UNSHARED 200  /* RAW_LOCK_SHARED_BASE: what nobody else may do meanwhile */
#define WRITE 1       /* BLK_PERM_WRITE is 1 << 1 */

static int others_hold(int fd, int byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -1 : lock.l_type != F_UNLCK;
}

int qemu_locks_written(int fd)
{
    return others_hold(fd, PERMITTED + WRITE);
}

static int set(int fd, short type)
{
    static const int bytes[] = {PERMITTED + WRITE, UNSHARED + WRITE};

    for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
        struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = bytes[i], .l_len = 1};

        if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
            return -1;
    }
    return 0;
}

/* As QEMU does: first it locks, then it looks who else has. */
int qemu_locks_take(int fd)
{
    int written, unshared;

    if (set(fd, F_RDLCK) < 0)
        return -1;
    written = others_hold(fd, PERMITTED + WRITE);
    unshared = others_hold(fd, UNSHARED + WRITE);
    if (written == 0 && unshared == 0)
        return 0;
    set(fd, F_UNLCK);
    errno = EBUSY;
    return -1;
}

/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for a network file system: what lies under REMOTE_UNDER says that it is on
 * NFS. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NFS 0x6969

int statfs(const char *path, struct statfs *ret)
{
    const char *under = getenv("REMOTE_UNDER");
    int rc = (int)syscall(SYS_statfs, path, ret);

    if (rc == 0 && under && strncmp(path, under, strlen(under)) == 0)
        ret->f_type = NFS;
    return rc;
}

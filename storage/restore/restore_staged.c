/* SPDX-License-Identifier: MIT */
#include "storage/restore/restore_staged.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

static int hold_at(int above, const char *name)
{
    int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int sys;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    sys = errno;
    close(fd);
    errno = sys;
    return -1;
}

int restore_staged_hold(const char *dir)
{
    return hold_at(AT_FDCWD, dir);
}

/* By its name, and as mkdtemp makes it. */
static bool is_ours(int above, const char *name)
{
    struct stat st;

    return starts_with(name, RESTORE_STAGED "-") &&
           strlen(name) == strlen(RESTORE_STAGED "-XXXXXX") &&
           fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 07777) == 0700;
}

int restore_staged_clear(const char *above, size_t *ret_n, struct err *err)
{
    DIR *dir = opendir(above);
    struct dirent *e;
    int rc = 0;

    *ret_n = 0;
    if (!dir)
        return err_errno(err, errno, "%s", above);
    while (rc == 0 && (e = readdir(dir))) {
        CLEANUP_CLOSE int lock = -1;

        if (!is_ours(dirfd(dir), e->d_name))
            continue;
        lock = hold_at(dirfd(dir), e->d_name);
        if (lock < 0) /* of one that goes on */
            continue;
        rc = remove_tree_at(dirfd(dir), e->d_name, above, err);
        *ret_n += rc == 0;
    }
    closedir(dir);
    return rc;
}

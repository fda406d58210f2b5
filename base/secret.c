/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define SECRET_MAX 65536

/* -1: *ret is -1 where it cannot be opened. */
static int open_secret(const char *path, uid_t user, int *ret, struct err *err)
{
    struct stat st;

    *ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*ret < 0 || fstat(*ret, &st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: it is not a file", path);
    if (st.st_mode & 077)
        return err_set(
            err, ERR_DENIED,
            "%s: others than its owner may read it: `chmod 600 %s`, and think of what is "
            "in it as known",
            path, path);
    if (st.st_uid != 0 && st.st_uid != user)
        return err_set(err, ERR_DENIED,
                       "%s: it is another user's, who may read and change it: `chown root %s`",
                       path, path);
    return 0;
}

static int read_text(int fd, const char *path, char **ret, struct err *err)
{
    CLEANUP_FREE char *text = xcalloc(SECRET_MAX + 2, 1);
    ssize_t n = read(fd, text, SECRET_MAX + 1);

    if (n < 0)
        return err_errno(err, errno, "%s", path);
    if (n > SECRET_MAX || memchr(text, '\0', (size_t)n))
        return err_set(err, ERR_INVALID, "%s: it is no text of 64 KiB at most", path);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    if (n == 0)
        return err_set(err, ERR_INVALID, "%s: it is empty", path);
    *ret = TAKE_PTR(text);
    return 0;
}

int secret_read(const char *path, char **ret, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;

    if (open_secret(path, geteuid(), &fd, err) < 0)
        return -1;
    return read_text(fd, path, ret, err);
}

int secret_check(const char *path, uid_t user, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;
    CLEANUP_FREE char *text = NULL;

    if (open_secret(path, user, &fd, err) < 0)
        return fd < 0 && err->code == ERR_DENIED ? 0 : -1;
    return read_text(fd, path, &text, err);
}

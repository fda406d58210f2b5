/* SPDX-License-Identifier: MIT */
#include "storage/images/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

static VEC(struct key) keys;

static void add(const char *repository, const char *secret, const char *file)
{
    struct key *k = NULL;

    for (size_t i = 0; !k && i < keys.n; i++)
        if (str_eq(keys.items[i].repository, repository))
            k = &keys.items[i];
    if (!k) {
        k = VEC_ADD(&keys);
        k->repository = xstrdup(repository);
    }
    free(k->secret);
    free(k->file);
    k->secret = xstrdup(secret);
    k->file = xstrdup(file);
}

void keys_add(const char *repository, const char *secret, const char *file)
{
    char *real = realpath(repository, NULL);

    add(repository, secret, file);
    if (real)
        add(real, secret, file);
    free(real);
}

/* path is dir, or below it. */
static bool is_in(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    while (len > 0 && dir[len - 1] == '/')
        len--;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const struct key *keys_find(const char *path)
{
    const struct key *ret = NULL;

    for (size_t i = 0; i < keys.n; i++)
        if (is_in(path, keys.items[i].repository) &&
            (!ret || !keys.items[i].repository[1] ||
             (ret->repository[1] && strlen(keys.items[i].repository) > strlen(ret->repository))))
            ret = &keys.items[i];
    return ret;
}

char *key_text(const struct key *k)
{
    return k->secret ? xasprintf("the key in %s (secret '%s')", k->file, k->secret)
                     : xasprintf("the key in %s", k->file);
}

/* ---- the file ---- */

static int open_ours(const char *file, int *ret, struct err *err)
{
    CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", file);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: is not a file", file);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return err_set(err, ERR_INVALID,
                       "%s: belongs to user %u, who could read the key: chown %s it", file,
                       (unsigned)st.st_uid, geteuid() == 0 ? "root" : "to yourself");
    if (st.st_mode & 077)
        return err_set(err, ERR_INVALID, "%s: others may read the key (mode %04o): chmod 600 it",
                       file, (unsigned)st.st_mode & 07777);
    *ret = take_fd(&fd);
    return 0;
}

/* QEMU takes text only, when it is told a key by its monitor. */
static bool is_text(const char *data, size_t len)
{
    json_t *text = strlen(data) == len ? json_string(data) : NULL;
    bool ret = text;

    json_decref(text);
    return ret;
}

int key_read(const char *file, char **ret, size_t *ret_len, struct err *err)
{
    char *buf = xcalloc(1, KEY_BYTES_MAX + 2);
    CLEANUP_CLOSE int fd = -1;
    ssize_t n = 0;
    int rc = open_ours(file, &fd, err);

    if (rc == 0 && (n = read(fd, buf, KEY_BYTES_MAX + 1)) < 0)
        rc = err_errno(err, errno, "%s", file);
    if (rc == 0 && (n < KEY_BYTES_MIN || n > KEY_BYTES_MAX || !is_text(buf, (size_t)n)))
        rc = err_set(err, ERR_INVALID,
                     "%s: is no key, which is text of %d to %d bytes: `openssl rand -hex 32` makes "
                     "one",
                     file, KEY_BYTES_MIN, KEY_BYTES_MAX);
    if (rc < 0) {
        explicit_bzero(buf, KEY_BYTES_MAX + 2);
        free(buf);
        return -1;
    }
    *ret = buf;
    *ret_len = (size_t)n;
    return 0;
}

int key_check(const char *file, struct err *err)
{
    char *text;
    size_t len;

    if (key_read(file, &text, &len, err) < 0)
        return -1;
    explicit_bzero(text, len);
    free(text);
    return 0;
}

int keys_are_equal(const struct key *a, const struct key *b, bool *ret, struct err *err)
{
    char *x, *y = NULL;
    size_t x_len, y_len;
    int rc;

    if (key_read(a->file, &x, &x_len, err) < 0)
        return -1;
    rc = key_read(b->file, &y, &y_len, err);
    *ret = rc == 0 && x_len == y_len && memcmp(x, y, x_len) == 0;
    explicit_bzero(x, x_len);
    free(x);
    if (y)
        explicit_bzero(y, y_len);
    free(y);
    return rc;
}

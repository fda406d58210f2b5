/* SPDX-License-Identifier: MIT */
#include "storage/repository/catalog_copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define COPIES ".catalogs"
#define ID_LENGTH 8
#define JOB_DIGITS 18 /* fit into 63 bits */
#define BUFFER ((size_t)1 << 20)

/* "a59d85fc-57.db", and with a .tmp behind it when it is being made. */
static bool parse_name(const char *name, char id[ID_LENGTH + 1], int64_t *job, bool *ret_tmp)
{
    size_t digits;

    if (strspn(name, "0123456789abcdef") != ID_LENGTH || name[ID_LENGTH] != '-')
        return false;
    snprintf(id, ID_LENGTH + 1, "%s", name);
    name += ID_LENGTH + 1;
    digits = strspn(name, "0123456789");
    if (digits == 0 || digits > JOB_DIGITS)
        return false;
    *job = strtoll(name, NULL, 10);
    *ret_tmp = str_eq(name + digits, ".db.tmp");
    return *ret_tmp || str_eq(name + digits, ".db");
}

void catalog_copies_done(struct catalog_copies *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].path);
    free(l->items);
    *l = (struct catalog_copies){0};
}

int catalog_copies_list(const char *repository, struct catalog_copies *ret, struct err *err)
{
    CLEANUP_FREE char *dir = xasprintf("%s/%s", repository, COPIES);
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    struct dirent *e;

    if (!d)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", dir);
    for (errno = 0; (e = readdir(d)); errno = 0) {
        struct catalog_copy_found found = {0};
        bool tmp;

        if (!parse_name(e->d_name, found.id, &found.job, &tmp) || tmp)
            continue;
        found.path = xasprintf("%s/%s", dir, e->d_name);
        *VEC_ADD(ret) = found;
    }
    return errno ? err_errno(err, errno, "%s", dir) : 0;
}

static int open_copies(const char *repository, int *ret, struct err *err)
{
    CLEANUP_FREE char *where = xasprintf("%s/%s", repository, COPIES);
    CLEANUP_CLOSE int root = open(repository, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return err_errno(err, errno, "%s", repository);
    if (mkdirat(root, COPIES, 0700) == 0) {
        if (sync_fd(root, repository, err) < 0)
            return -1;
    } else if (errno != EEXIST) {
        return err_errno(err, errno, "%s", where);
    }
    return open_dir_at(root, COPIES, where, ret, err);
}

static int copy_bytes(int from, int to, const char *where, struct err *err)
{
    CLEANUP_FREE char *buffer = xcalloc(BUFFER, 1);
    ssize_t n;

    while ((n = read(from, buffer, BUFFER)) > 0) {
        for (ssize_t done = 0, put; done < n; done += put) {
            put = write(to, buffer + done, (size_t)(n - done));
            if (put < 0)
                return err_errno(err, errno, "write %s", where);
        }
    }
    return n < 0 ? err_errno(err, errno, "read the catalog's copy") : sync_fd(to, where, err);
}

/* Older ones, and those whose making was interrupted. */
static void remove_older(int dir, const char *id, int64_t job)
{
    CLEANUP_CLOSEDIR DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
    struct dirent *e;

    if (!d)
        return;
    rewinddir(d);
    while ((e = readdir(d))) {
        char of[ID_LENGTH + 1];
        int64_t number;
        bool tmp;

        if (parse_name(e->d_name, of, &number, &tmp) && str_eq(of, id) && (tmp || number < job))
            unlinkat(dir, e->d_name, 0);
    }
}

/* Of a later state of this catalog: it knows what this one does not. */
static int refuse_newer(const char *repository, const char *id, int64_t job, struct err *err)
{
    struct catalog_copies found = {0};
    int rc = catalog_copies_list(repository, &found, err);

    for (size_t i = 0; rc == 0 && i < found.n; i++)
        if (str_eq(found.items[i].id, id) && found.items[i].job > job)
            rc = err_set(err, ERR_EXISTS, "%s is of a later state: it is left as it is",
                         found.items[i].path);
    catalog_copies_done(&found);
    return rc;
}

int catalog_copies_put(const char *repository, const char *copy, const char *id, int64_t job,
                       struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s-%lld.db", id, (long long)job);
    CLEANUP_FREE char *tmp = xasprintf("%s.tmp", name);
    CLEANUP_FREE char *where = xasprintf("%s/%s/%s", repository, COPIES, name);
    CLEANUP_CLOSE int from = open(copy, O_RDONLY | O_CLOEXEC), dir = -1, to = -1;

    if (from < 0)
        return err_errno(err, errno, "%s", copy);
    if (refuse_newer(repository, id, job, err) < 0 || open_copies(repository, &dir, err) < 0)
        return -1;
    unlinkat(dir, tmp, 0);
    to = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return err_errno(err, errno, "%s.tmp", where);
    if (copy_bytes(from, to, where, err) < 0) {
        unlinkat(dir, tmp, 0);
        return -1;
    }
    if (renameat(dir, tmp, dir, name) < 0)
        return err_errno(err, errno, "rename %s.tmp", where);
    if (sync_fd(dir, where, err) < 0)
        return -1;
    remove_older(dir, id, job);
    return 0;
}

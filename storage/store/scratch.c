/* SPDX-License-Identifier: MIT */
#include "storage/store/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

char *scratch_path(const char *dir, const char *tag)
{
    return xasprintf("%s/%s", dir, tag);
}

int scratch_prepare(const char *dir, const char *tag, uid_t uid, gid_t gid, struct err *err)
{
    CLEANUP_FREE char *path = scratch_path(dir, tag);
    struct stat st;

    if (mkdir_all(dir, 0711, err) < 0 || scratch_discard(dir, tag, err) < 0)
        return err_wrap(err, "scratch space");
    /* Whatever the umask: the hypervisor's user passes through.  One that is not ours stays as
     * it is. */
    if (stat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0711) != 0711)
        chmod(dir, (st.st_mode & 07777) | 0711);
    if (mkdir(path, 0700) < 0)
        return err_errno(err, errno, "scratch space: make %s", path);
    return share_dir(path, uid, gid, err) < 0 ? err_wrap(err, "scratch space") : 0;
}

/* Never through a symbolic link, whoever may have made one. */
static int empty(DIR *d, const char *path, struct err *err)
{
    const struct dirent *entry;

    while ((errno = 0, entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
            return err_errno(err, errno, "remove %s/%s", path, entry->d_name);
    }
    return errno ? err_errno(err, errno, "read %s", path) : 0;
}

int scratch_discard(const char *dir, const char *tag, struct err *err)
{
    CLEANUP_FREE char *path = scratch_path(dir, tag);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
    DIR *d;

    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "open %s", path);
    d = fdopendir(fd);
    if (!d) {
        close(fd);
        return err_errno(err, errno, "open %s", path);
    }
    rc = empty(d, path, err);
    closedir(d);
    if (rc == 0 && rmdir(path) < 0 && errno != ENOENT)
        rc = err_errno(err, errno, "remove %s", path);
    return rc;
}

/* prefix and the number of an older job. */
static bool is_tag(const char *name, const char *prefix, int64_t next_job)
{
    int64_t job;

    return starts_with(name, prefix) && parse_int(name + strlen(prefix), 1, next_job - 1, &job) &&
           name[strlen(prefix)] != '0' && name[strlen(prefix)] != '+';
}

static bool is_empty_file(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

static int sweep_one(const char *dir, const char *name, struct err *err)
{
    CLEANUP_FREE char *path = scratch_path(dir, name);

    if (!is_empty_file(path))
        return scratch_discard(dir, name, err);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(err, errno, "remove %s", path);
    return 0;
}

int scratch_sweep(const char *dir, const char *prefix, int64_t next_job, const struct strlist *keep,
                  struct err *err)
{
    struct strlist left = {0};
    const struct dirent *entry;
    DIR *d = opendir(dir);
    int rc = 0;

    if (!d)
        return errno == ENOENT ? 0 : err_errno(err, errno, "open %s", dir);
    while ((entry = readdir(d)))
        if (is_tag(entry->d_name, prefix, next_job) && !strlist_has(keep, entry->d_name))
            strlist_add(&left, entry->d_name);
    closedir(d);
    for (size_t i = 0; i < left.n; i++) {
        struct err why = ERR_INIT;

        if (sweep_one(dir, left.items[i], &why) < 0 && rc == 0) {
            *err = why;
            rc = -1;
        }
    }
    strlist_done(&left);
    return rc;
}

/* ---- a look ---- */

/* The rest is made when it is needed. */
static char *nearest_existing(const char *path)
{
    char *ret = xstrdup(path);

    while (!path_exists(ret) && strcmp(ret, "/") != 0 && strcmp(ret, ".") != 0) {
        char *up = path_dirname(ret);

        free(ret);
        ret = up;
    }
    return ret;
}

/* It is for what the guest overwrites: memory runs out, networks hang. */
static const char *unfit_file_system(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } unfit[] = {{0x01021994, "tmpfs"}, {0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"}};

    for (size_t i = 0; i < ARRAY_LEN(unfit); i++)
        if (unfit[i].type == type)
            return unfit[i].name;
    return NULL;
}

/* Where the file system has such files nothing is left, whoever is killed. */
static bool nameless_file(const char *dir)
{
    CLEANUP_CLOSE int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    return fd >= 0;
}

int scratch_look(const char *dir, struct scratch_look *ret, struct err *err)
{
    CLEANUP_FREE char *there = nearest_existing(dir);
    CLEANUP_FREE char *trial = xasprintf("%s/" TRIAL_NAME "XXXXXX", there);
    const char *unfit;
    struct statfs fs;

    if (statfs(there, &fs) < 0)
        return err_errno(err, errno, "%s", there);
    *ret = (struct scratch_look){.there = TAKE_PTR(there),
                                 .free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize};
    unfit = unfit_file_system((uint32_t)fs.f_type);
    ret->unfit = unfit ? xstrdup(unfit) : NULL;
    if (nameless_file(ret->there))
        return 0;
    if (!mkdtemp(trial))
        ret->problem = xasprintf("no directory can be made there: %s", strerror(errno));
    else if (rmdir(trial) < 0)
        ret->problem = xasprintf("%s cannot be removed again: %s", trial, strerror(errno));
    return 0;
}

void scratch_look_done(struct scratch_look *l)
{
    free(l->there);
    free(l->problem);
    free(l->unfit);
    *l = (struct scratch_look){0};
}

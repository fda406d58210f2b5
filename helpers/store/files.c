/* SPDX-License-Identifier: MIT
 *
 * Single files: what base/files.c asks for.
 */
#include "base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/qemu_locks.h"
#include "base/way.h"
#include "helpers/store/identity.h"
#include "helpers/store/service.h"
#include "helpers/store/tell.h"

#define DELETED " (deleted)"
#define STEP (1 << 20)
#define EVENLY (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)
#define PAUSE_US 10000
#define LISTED_EACH 100 /* pauses */
#define PIECE (16 << 20)

/* A file that is being written to, and up to where it has been written out. */
struct growing {
    int fd;
    off_t done;
    bool nameless; /* what is in it is wanted for as long as it is open: it is held alone */
};

/* What is done with a file. path: how it is reached; name: what it is called. */
struct visit {
    const struct files_request *request;
    struct file_list *ret;
    int (*one)(struct visit *v, const char *path, const char *name, struct err *err);
    bool all;     /* of the process's files, not only those of the request's names */
    bool closely; /* the file is opened, too */
    VEC(struct growing) growing;
    size_t still_open;
};

/* ---- which ---- */

static int visit_descriptor(struct visit *v, int dir, const char *number, struct err *err)
{
    const struct files_request *q = v->request;
    char name[PATH_MAX], path[64];
    ssize_t n = readlinkat(dir, number, name, sizeof(name) - 1);
    size_t len, tail = strlen(DELETED);

    if (n <= 0 || name[0] != '/')
        return 0;
    name[n] = '\0';
    len = (size_t)n;
    if (len > tail && strcmp(name + len - tail, DELETED) == 0)
        name[len - tail] = '\0';
    if (!v->all && !(q->names && strlist_has(q->names, name)))
        return 0;
    snprintf(path, sizeof(path), "/proc/%u/fd/%.16s", q->pid, number);
    return v->one(v, path, name, err);
}

/* False: they cannot be listed, as those of another user's process. */
static bool visit_process(struct visit *v, int *rc, struct err *err)
{
    CLEANUP_CLOSEDIR DIR *dir = NULL;
    const struct dirent *entry;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%u/fd", v->request->pid);
    dir = v->request->pid ? opendir(path) : NULL;
    while (*rc == 0 && dir && (entry = readdir(dir)))
        *rc = visit_descriptor(v, dirfd(dir), entry->d_name, err);
    return dir != NULL;
}

static int visit_names(struct visit *v, const struct strlist *names, struct err *err)
{
    for (size_t i = 0; names && i < names->n; i++)
        if (v->one(v, names->items[i], names->items[i], err) < 0)
            return -1;
    return 0;
}

/* By the process's descriptors, or else by name. */
static int visit_open(struct visit *v, struct err *err)
{
    int rc = 0;

    return visit_process(v, &rc, err) ? rc : visit_names(v, v->request->names, err);
}

/* ---- looking ---- */

static enum file_type type_of(mode_t mode)
{
    return S_ISREG(mode) ? FILE_REGULAR : S_ISBLK(mode) ? FILE_BLOCK : FILE_OTHER;
}

static uint32_t qcow2_version(int fd)
{
    static const char magic[] = {'Q', 'F', 'I', '\xfb'};
    unsigned char head[8];

    if (pread(fd, head, sizeof(head), 0) != sizeof(head) || memcmp(head, magic, 4) != 0)
        return 0;
    return (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
}

/* Nobody is kept out by that: locks are asked for, not taken. */
static void look_inside(const char *path, struct file_fact *f)
{
    CLEANUP_CLOSE int alone = -1, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const int written = fd < 0 ? -1 : qemu_locks_written(fd);
    const int no_locks = fd >= 0 && written < 0 ? errno : 0;
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    struct statvfs fs;

    if (end < 0)
        f->unreadable = errno;
    else
        f->end = (uint64_t)end;
    f->qcow2 = fd < 0 ? 0 : qcow2_version(fd);
    /* What is kept for root, a hypervisor's user cannot have. */
    if (fd >= 0 && f->type == FILE_REGULAR && fstatvfs(fd, &fs) == 0) {
        f->space_free = (uint64_t)fs.f_bavail * fs.f_frsize;
        f->space_total = (uint64_t)fs.f_blocks * fs.f_frsize;
    }
    f->no_locks = no_locks;
    f->locked = written > 0;
    if (f->type != FILE_BLOCK)
        return;
    alone = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    f->busy = alone < 0 && errno == EBUSY;
}

static int look(struct visit *v, const char *path, const char *name, struct err *err)
{
    struct file_fact *f = VEC_ADD(v->ret);
    struct stat named;
    struct statx st;

    (void)err;
    tell_at(name);
    f->path = xstrdup(name);
    f->is_open = path != name;
    f->has_name = !f->is_open && lstat(path, &named) == 0;
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &st) < 0) {
        f->missing = errno;
        return 0;
    }
    f->type = type_of(st.stx_mode);
    f->device = makedev(st.stx_dev_major, st.stx_dev_minor);
    f->inode = st.stx_ino;
    f->size = st.stx_size;
    f->changed = st.stx_mtime.tv_sec * INT64_C(1000000000) + st.stx_mtime.tv_nsec;
    f->identity = identity_of(&st);
    if (v->closely)
        look_inside(path, f);
    return 0;
}

/* ---- working on those that are open ---- */

/* Brings what the file holds from there on onto its medium, a step at a time, so that what others
 * write there waits for a step, and not for all.  Returns up to where; the last step that is not
 * full yet counts only if all of it is wanted. */
static off_t write_out(int fd, off_t from, bool all)
{
    struct stat st;
    off_t data;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return from;
    while ((data = lseek(fd, from, SEEK_DATA)) >= 0) {
        data -= data % STEP;
        from = data > from ? data : from;
        if (from + STEP > st.st_size && !all)
            break;
        if (sync_file_range(fd, from, STEP, EVENLY) < 0)
            break;
        from += STEP;
    }
    return from;
}

static int touch(struct visit *v, const char *path, const char *name, struct err *err)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};

    (void)v;
    (void)err;
    tell_at(name);
    utimensat(AT_FDCWD, path, times, 0);
    return 0;
}

static int sync_file(struct visit *v, const char *path, const char *name, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;

    (void)v;
    tell_at(name);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES || errno == ENOENT ? 0 : err_errno(err, errno, "%s", name);
    write_out(fd, 0, true);
    return fdatasync(fd) < 0 ? err_errno(err, errno, "%s", name) : 0;
}

/* Holds the file open by itself: whoever wants to know how writing to it went asks for a sync.  One
 * without a name goes with whoever closes it last, which on ext4 takes a tenth of a second for some
 * hundred MiB: that is to be us. */
static int follow(struct visit *v, const char *path, const char *name, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    (void)err;
    tell_at(name);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (st.st_nlink == 0) {
        close(take_fd(&fd));
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    if (fd >= 0)
        *VEC_ADD(&v->growing) = (struct growing){.fd = take_fd(&fd), .nameless = st.st_nlink == 0};
    return 0;
}

/* Piece by piece: others who write to the file system wait for a piece, and not for all.  The
 * kernel gives a lease to who has the file open alone: what anybody still has may never be cut. */
static void let_go(const struct growing *g)
{
    struct stat st;

    if (g->nameless && fcntl(g->fd, F_SETLEASE, F_WRLCK) == 0 && fstat(g->fd, &st) == 0)
        while (st.st_size > PIECE && ftruncate(g->fd, st.st_size -= PIECE) == 0)
            usleep(PAUSE_US);
    close(g->fd);
}

static int count(struct visit *v, const char *path, const char *name, struct err *err)
{
    (void)path;
    (void)name;
    (void)err;
    v->still_open++;
    return 0;
}

/* ---- making and removing ---- */

static int make(struct visit *v, const char *path, const char *name, struct err *err)
{
    const struct files_request *q = v->request;
    struct file_fact *f = VEC_ADD(v->ret);
    CLEANUP_CLOSE int fd = -1;
    struct err why = ERR_INIT;

    (void)err;
    tell_at(name);
    f->path = xstrdup(name);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    f->has_name = fd >= 0;
    if (fd < 0)
        cannot_create(name, &why);
    else if (geteuid() == 0 && fchown(fd, q->uid, q->gid) < 0)
        err_errno(&why, errno, "give %s to QEMU's user", name);
    if (why.code == ERR_NONE)
        return 0;
    f->error = xcalloc(1, sizeof(*f->error));
    *f->error = why;
    return 0;
}

/* As many as can be; the first error counts. */
static int run_remove(const void *request, void *answer, struct err *err)
{
    const struct strlist *names = ((const struct files_request *)request)->names;

    (void)answer;
    for (size_t i = 0; names && i < names->n; i++) {
        tell_at(names->items[i]);
        if (unlink(names->items[i]) < 0 && errno != ENOENT && err->code == ERR_NONE)
            err_errno(err, errno, "remove %s", names->items[i]);
    }
    return err->code == ERR_NONE ? 0 : -1;
}

/* has_name: it could be made. */
static int try_one(struct visit *v, const char *path, const char *name, struct err *err)
{
    const struct files_request *q = v->request;
    struct err why = ERR_INIT;
    struct file_fact *f;

    make(v, path, name, err);
    f = &v->ret->items[v->ret->n - 1];
    if (f->has_name && unlink(path) < 0 && !f->error)
        err_errno(&why, errno, "remove %s", name);
    else if (f->has_name && !f->error)
        way_is_free(path, q->uid, q->gid, &why);
    if (why.code == ERR_NONE)
        return 0;
    f->error = xcalloc(1, sizeof(*f->error));
    *f->error = why;
    return 0;
}

/* ---- what is served ---- */

static struct visit visit_of(const void *request, void *answer)
{
    return (struct visit){.request = request, .ret = answer};
}

static int run_look(const void *request, void *answer, struct err *err)
{
    struct visit v = visit_of(request, answer);
    int rc = 0;

    v.one = look;
    v.all = true;
    visit_process(&v, &rc, err);
    visit_names(&v, v.request->names, err);
    v.closely = true;
    return visit_names(&v, v.request->closely, err);
}

static int run_touch(const void *request, void *answer, struct err *err)
{
    struct visit v = visit_of(request, answer);

    v.one = touch;
    return visit_open(&v, err);
}

static int run_sync(const void *request, void *answer, struct err *err)
{
    struct visit v = visit_of(request, answer);

    v.one = sync_file;
    return visit_open(&v, err);
}

/* What another user's process has open cannot be listed: then for as long as there is a process. */
static bool has_them_open(struct visit *v)
{
    struct err ignored = ERR_INIT;
    int rc = 0;

    if (v->request->pid == 0)
        return true;
    v->one = count;
    v->still_open = 0;
    return visit_process(v, &rc, &ignored) ? v->still_open > 0
                                           : kill((pid_t)v->request->pid, 0) == 0 || errno == EPERM;
}

static int run_write_out(const void *request, void *answer, struct err *err)
{
    struct visit v = visit_of(request, answer);

    v.one = follow;
    if (visit_open(&v, err) < 0)
        return -1;
    for (unsigned turns = 1; v.growing.n > 0 && (turns % LISTED_EACH != 0 || has_them_open(&v));
         turns++) {
        for (size_t i = 0; i < v.growing.n; i++)
            if (!v.growing.items[i].nameless)
                v.growing.items[i].done =
                    write_out(v.growing.items[i].fd, v.growing.items[i].done, false);
        usleep(PAUSE_US);
    }
    for (size_t i = 0; i < v.growing.n; i++)
        let_go(&v.growing.items[i]);
    free(v.growing.items);
    return 0;
}

static int run_make(const void *request, void *answer, struct err *err)
{
    struct visit v = visit_of(request, answer);

    v.one = make;
    return visit_names(&v, v.request->names, err);
}

static int run_try(const void *request, void *answer, struct err *err)
{
    struct visit v = visit_of(request, answer);

    v.one = try_one;
    return visit_names(&v, v.request->names, err);
}

const struct service files_services[] = {
    {"files-look", "what are these files, and those that a process has open", &files_request_record,
     &files_answer_record, run_look},
    {"files-touch", "do these files, which a process has open, take a change",
     &files_request_record, &files_answer_record, run_touch},
    {"files-sync", "bring these files, which a process has open, onto their medium",
     &files_request_record, &files_answer_record, run_sync},
    {"files-write-out", "the same, as they grow, for as long as the process has them open",
     &files_request_record, &files_answer_record, run_write_out},
    {"files-make", "make these files, empty", &files_request_record, &files_answer_record,
     run_make},
    {"files-remove", "remove these files", &files_request_record, &files_answer_record, run_remove},
    {"files-try", "make these files, see whether a user gets there, and remove them",
     &files_request_record, &files_answer_record, run_try},
};
const size_t n_files_services = ARRAY_LEN(files_services);

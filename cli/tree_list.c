/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/interrupted.h"
#include "cli/tree_files.h"
#include "report/json.h"

#define CHUNK ((size_t)256 << 10)

struct entry {
    char *name, *target; /* target: of a symbolic link */
    struct stat st;
};

struct entries {
    struct entry *items;
    size_t n, cap;
};

static void entries_done(struct entries *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].target);
    }
    free(l->items);
}

int tree_open(int root, const char *path, int flags, int *ret_fd, struct err *err)
{
    const struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                                 .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, root, *path ? path : "/", &how, sizeof(how));

    if (fd < 0)
        return err_errno(err, errno, "%s", CLIP(path));
    *ret_fd = (int)fd;
    return 0;
}

/* ---- ls ---- */

static int add_entry(int dir, const char *name, const char *shown, struct entries *ret,
                     struct err *err)
{
    const int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    char target[PATH_MAX];
    struct stat st;
    struct entry *e;
    ssize_t n;

    if (fstatat(dir, name, &st, flags) < 0)
        return err_errno(err, errno, "%s", CLIP(shown));
    e = VEC_ADD(ret);
    *e = (struct entry){.name = xstrdup(shown), .st = st};
    n = S_ISLNK(st.st_mode) ? readlinkat(dir, name, target, sizeof(target)) : -1;
    if (n >= 0)
        e->target = xasprintf("%.*s", (int)n, target);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int read_directory(int fd, const char *path, struct entries *ret, struct err *err)
{
    CLEANUP_CLOSE int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_CLOSEDIR DIR *d = own < 0 ? NULL : fdopendir(own);
    const struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", CLIP(path));
    own = -1;
    while (errno = 0, (e = readdir(d)))
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, "..") &&
            add_entry(fd, e->d_name, e->d_name, ret, err) < 0)
            return -1;
    if (errno)
        return err_errno(err, errno, "%s", CLIP(path));
    if (ret->n)
        qsort(ret->items, ret->n, sizeof(*ret->items), by_name);
    return 0;
}

static int list(int root, const char *path, struct entries *ret, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (tree_open(root, path, O_PATH, &fd, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", CLIP(path));
    return S_ISDIR(st.st_mode) ? read_directory(fd, path, ret, err)
                               : add_entry(fd, "", path, ret, err);
}

static const struct {
    mode_t type;
    char letter;
    const char *word;
} types[] = {{S_IFREG, '-', "file"},   {S_IFDIR, 'd', "directory"}, {S_IFLNK, 'l', "link"},
             {S_IFCHR, 'c', "device"}, {S_IFBLK, 'b', "device"},    {S_IFIFO, 'p', "fifo"},
             {S_IFSOCK, 's', "socket"}};

static size_t type_of(const struct stat *st)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if ((st->st_mode & S_IFMT) == types[i].type)
            return i;
    return 0;
}

/* "-rwxr-xr-x", with s and t as ls has them. */
static void mode_text(const struct stat *st, char ret[11])
{
    static const mode_t special[] = {S_ISUID, S_ISGID, S_ISVTX};

    ret[0] = types[type_of(st)].letter;
    for (int i = 0; i < 9; i++)
        ret[i + 1] = st->st_mode & (mode_t)(0400 >> i) ? "rwx"[i % 3] : '-';
    for (int i = 0; i < 3; i++)
        if (st->st_mode & special[i])
            ret[3 * i + 3] = (ret[3 * i + 3] == 'x' ? "sst" : "SST")[i];
    ret[10] = '\0';
}

/* What could move a terminal's cursor becomes \ooo. */
static void print_name(const char *s, FILE *out)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == '\\' || *s == 127)
            fprintf(out, "\\%03o", (unsigned char)*s);
        else
            putc(*s, out);
}

int tree_list_text(int root, const char *path, FILE *out, struct err *err)
{
    CLEANUP(entries_done) struct entries l = {0};
    char mode[11], when[32];

    if (list(root, path, &l, err) < 0)
        return -1;
    for (size_t i = 0; i < l.n; i++) {
        const struct entry *e = &l.items[i];
        struct tm tm;

        mode_text(&e->st, mode);
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime_r(&e->st.st_mtime, &tm));
        fprintf(out, "%s %5u %5u %12" PRIu64 " %s ", mode, (unsigned)e->st.st_uid,
                (unsigned)e->st.st_gid, (uint64_t)e->st.st_size, when);
        print_name(e->name, out);
        if (e->target)
            fputs(" -> ", out);
        print_name(e->target ? e->target : "", out);
        putc('\n', out);
    }
    return 0;
}

int tree_list_json(int root, const char *path, json_t **ret, struct err *err)
{
    CLEANUP(entries_done) struct entries l = {0};

    if (list(root, path, &l, err) < 0)
        return -1;
    *ret = json_array();
    for (size_t i = 0; i < l.n; i++) {
        const struct entry *e = &l.items[i];
        CLEANUP_FREE char *mode = xasprintf("%04o", (unsigned)(e->st.st_mode & 07777));

        json_array_append_new(
            *ret,
            json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "name", report_json_text(e->name),
                      "type", types[type_of(&e->st)].word, "mode", mode, "uid",
                      (json_int_t)e->st.st_uid, "gid", (json_int_t)e->st.st_gid, "size",
                      (json_int_t)e->st.st_size, "modified", report_json_time(e->st.st_mtime),
                      "target", report_json_text(e->target)));
    }
    return 0;
}

/* ---- cat ---- */

static int write_all(int fd, const char *p, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);

        if (k < 0 && errno != EINTR)
            return err_errno(err, errno, "standard output");
        p += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return 0;
}

int tree_cat(int root, const char *path, int out, struct err *err)
{
    CLEANUP_FREE char *buf = xcalloc(CHUNK, 1);
    CLEANUP_CLOSE int looked = -1, fd = -1;
    struct stat st;
    ssize_t n;

    if (tree_open(root, path, O_PATH, &looked, err) < 0)
        return -1;
    if (fstat(looked, &st) < 0)
        return err_errno(err, errno, "%s", CLIP(path));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: is a %s, not a file", CLIP(path),
                       types[type_of(&st)].word);
    if (tree_open(root, path, O_RDONLY, &fd, err) < 0)
        return -1;
    while ((n = read(fd, buf, CHUNK)) > 0) {
        if (interrupted)
            return err_set(err, ERR_CANCELED, "interrupted");
        if (write_all(out, buf, (size_t)n, err) < 0)
            return -1;
    }
    return n < 0 ? err_errno(err, errno, "%s", CLIP(path)) : 0;
}

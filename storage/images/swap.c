/* SPDX-License-Identifier: MIT */
#include "storage/images/swap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"

char *swap_kept(const char *image)
{
    return xasprintf("%s.before-restore", image);
}

static int sync_above(const char *path, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(path);

    return sync_dir(dir, err);
}

/* That all new ones are in place, and the old ones are going. */
static char *done_mark(const char *image)
{
    return xasprintf("%s.before-restore-done", image);
}

static int put_back(const char *image, size_t *n, struct err *err)
{
    CLEANUP_FREE char *kept = swap_kept(image);

    if (rename(kept, image) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", kept);
    /* Two names of one file: rename does nothing then. */
    if (unlink(kept) < 0 && errno != ENOENT)
        return err_errno(err, errno, "%s", kept);
    ++*n;
    return sync_above(image, err);
}

static int put_all_back(const struct swap *items, size_t n, size_t *ret_n, struct err *err)
{
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (put_back(items[i].image, ret_n, err) < 0)
            return -1;
    return 0;
}

/* Who may use the old one may use the new one. */
static int take_after(const struct swap *s, struct err *err)
{
    struct stat st;

    if (stat(s->image, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", s->image);
    if (chown(s->staged, st.st_uid, st.st_gid) < 0 || chmod(s->staged, st.st_mode & 07777) < 0)
        return err_errno(err, errno, "%s", s->staged);
    return 0;
}

static int keep(const struct swap *s, struct err *err)
{
    CLEANUP_FREE char *kept = swap_kept(s->image);

    if (link(s->image, kept) == 0)
        return sync_above(kept, err);
    if (errno == ENOENT)
        return 0;
    if (errno == EEXIST)
        return err_set(err, ERR_EXISTS, "%s: is there, of a restore that was interrupted", kept);
    return err_errno(err, errno, "%s", kept);
}

static int put(const struct swap *s, struct err *err)
{
    if (rename(s->staged, s->image) < 0)
        return err_errno(err, errno, "%s", s->image);
    return sync_above(s->image, err);
}

static int each(const struct swap *items, size_t n,
                int (*fn)(const struct swap *s, struct err *err), struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (fn(&items[i], err) < 0)
            return -1;
    return 0;
}

/* One that is kept already is another restore's, and is not to be undone here. */
static int check_none_kept(const struct swap *s, struct err *err)
{
    CLEANUP_FREE char *kept = swap_kept(s->image);

    if (!path_exists(kept))
        return 0;
    return err_set(err, ERR_EXISTS, "%s: is there, of a restore that was interrupted", kept);
}

int swap_run(const struct swap *items, size_t n, struct err *err)
{
    if (each(items, n, check_none_kept, err) < 0 || each(items, n, take_after, err) < 0)
        return -1;
    if (each(items, n, keep, err) < 0 || each(items, n, put, err) < 0) {
        struct err second = ERR_INIT;
        size_t ignored;

        if (put_all_back(items, n, &ignored, &second) < 0)
            err_wrap(err, "and the old images are not all back (%s)", second.msg);
        return -1;
    }
    return 0;
}

static int mark_done(const struct swap *s, struct err *err)
{
    CLEANUP_FREE char *mark = done_mark(s->image);

    return write_file_durably(mark, "", 0, 0600, err);
}

static int remove_name(char *path, struct err *err)
{
    CLEANUP_FREE char *name = path;

    if (unlink(name) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", name);
    return sync_above(name, err);
}

static int drop_kept(const struct swap *s, struct err *err)
{
    return remove_name(swap_kept(s->image), err);
}

static int drop_mark(const struct swap *s, struct err *err)
{
    return remove_name(done_mark(s->image), err);
}

/* From the first mark on it is done, whatever an interruption leaves. */
int swap_finish(const struct swap *items, size_t n, struct err *err)
{
    if (each(items, n, mark_done, err) < 0 || each(items, n, drop_kept, err) < 0)
        return -1;
    return each(items, n, drop_mark, err);
}

int swap_undo(const struct swap *items, size_t n, size_t *ret_n, struct err *err)
{
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *mark = done_mark(items[i].image);

        if (path_exists(mark))
            return swap_finish(items, n, err);
    }
    return put_all_back(items, n, ret_n, err);
}

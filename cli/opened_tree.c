/* SPDX-License-Identifier: MIT */
#include "cli/opened_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/file_systems.h"
#include "cli/interrupted.h"

#define STEP_MS 20
#define LIMIT_S 600 /* libguestfs without KVM boots for a minute, on a busy machine for more */

/* ---- which ---- */

static int choose_disk(const struct tree_wish *w, const char *path, const struct point *p,
                       struct served *s, struct err *err)
{
    CLEANUP(strlist_done) struct strlist names = {0};

    if (w->disk)
        strlist_add(&names, w->disk);
    if (served_add(s, path, p, &names, err) < 0)
        return -1;
    if (s->disks.n == 1)
        return 0;
    err_set(err, ERR_INVALID, "%s: has several disks: choose with --disk of", p->id);
    for (size_t i = 0; i < s->disks.n; i++) {
        const size_t len = strlen(err->msg);

        snprintf(err->msg + len, sizeof(err->msg) - len, "%s %s", i ? "," : "",
                 s->disks.items[i].name);
    }
    return -1;
}

/* Serves the disk for a look at it; then what was chosen, which *ret_ext says, over an overlay. */
static int serve_chosen(const struct tree_wish *w, struct served *s, bool *ret_ext, char **ret_type,
                        struct err *err)
{
    CLEANUP(file_systems_done) struct file_systems all = {0};
    CLEANUP_FREE char *file = NULL;
    const struct file_system *chosen;

    s->as_file = true;
    if (served_start(s, &interrupted, err) < 0)
        return -1;
    file = served_path(s, SERVED_FILE);
    if (file_systems_look(file, s->disks.items[0].capacity, &all, err) < 0)
        return -1;
    chosen = file_systems_choose(&all, w->partition, err);
    if (!chosen)
        return err_wrap(err, "disk %s", s->disks.items[0].name);
    served_stop(s);
    s->writable = true;
    s->scratch = xstrdup(w->scratch);
    s->disks.items[0].offset = chosen->offset;
    s->disks.items[0].length = chosen->partition ? chosen->length : 0;
    *ret_ext = file_system_is_ext(chosen);
    *ret_type = xstrdup(chosen->type ? chosen->type : "nothing known");
    return served_start(s, &interrupted, err);
}

/* ---- mounting ---- */

static bool needs_recovery(const char *file)
{
    CLEANUP_FREE char *program = sbin_program("debugfs");
    const char *argv[] = {program, "-R", "features", file, NULL};
    CLEANUP_FREE char *out = NULL;
    struct err ignored = ERR_INIT;

    return proc_run(argv, &out, &ignored) == 0 && strstr(out, "needs_recovery");
}

/* On the overlay.  Nothing is repaired (-p, not -y): what is damaged must not look like an empty
 * one that is whole.  Status 1: it was replayed. */
static int replay_journal(const char *file, struct err *err)
{
    CLEANUP_FREE char *program = sbin_program("e2fsck");
    const char *argv[] = {"sh", "-c", "\"$@\"; test $? -le 1", "e2fsck", program,
                          "-p", "-E", "journal_only",          file,     NULL};

    if (needs_recovery(file) && proc_run(argv, NULL, err) < 0)
        return err_wrap(err, "the file system's journal cannot be replayed");
    return 0;
}

static bool is_installed(const char *program)
{
    const char *argv[] = {"sh", "-c", "command -v \"$1\" > /dev/null", "sh", program, NULL};
    struct err ignored = ERR_INIT;

    return proc_run(argv, NULL, &ignored) == 0;
}

/* 1: it is. */
static int is_mounted(const char *dir, dev_t before, struct err *err)
{
    struct stat st;

    if (stat(dir, &st) == 0)
        return st.st_dev != before;
    return errno == EIO ? err_set(err, ERR_CORRUPT, "its root directory cannot be read") : 0;
}

static int wait_until_mounted(struct opened_tree *t, dev_t before, struct err *err)
{
    for (int i = 0; i < LIMIT_S * 1000 / STEP_MS; i++) {
        int rc = proc_beside_wait(t->mounter, STEP_MS, err);

        if (interrupted)
            return err_set(err, ERR_CANCELED, "interrupted");
        if (rc == 1)
            rc = err_set(err, ERR_IO, "it was unmounted at once");
        if (rc == 0)
            rc = is_mounted(t->dir, before, err);
        if (rc > 0)
            return 0;
        if (rc < 0)
            return err_wrap(err, "the file system cannot be mounted");
    }
    return err_set(err, ERR_TIMEOUT, "the file system is not mounted after %d s", LIMIT_S);
}

static int mount_with(struct opened_tree *t, const char *const *argv, struct err *err)
{
    const struct proc_spec spec = {.argv = argv};
    struct stat st;

    if (stat(t->dir, &st) < 0)
        return err_errno(err, errno, "%s", t->dir);
    if (proc_beside_start(&spec, &t->mounter, err) < 0)
        return -1;
    return wait_until_mounted(t, st.st_dev, err);
}

/* Without its own defaults, which let other users in, and setuid programs and devices. */
static int mount_ext(struct opened_tree *t, const char *file, struct err *err)
{
    const char *argv[] = {"fuse2fs", "-f",   "-o", "ro,no_default_opts,fakeroot,kernel_cache",
                          file,      t->dir, NULL};

    if (!is_installed("fuse2fs"))
        return err_set(err, ERR_UNSUPPORTED,
                       "fuse2fs is not installed: apt install fuse2fs; or read the disk over "
                       "`vmkeep export`");
    if (replay_journal(file, err) < 0)
        return -1;
    return mount_with(t, argv, err);
}

static int mount_other(struct opened_tree *t, const struct tree_wish *w, const char *file,
                       const char *type, struct err *err)
{
    CLEANUP_FREE char *device = w->volume ? xasprintf("/dev/%s", w->volume) : xstrdup("/dev/sda");
    const char *argv[] = {"guestmount", "--ro", "--format=raw", "--no-fork", "-a",
                          file,         "-m",   device,         t->dir,      NULL};

    if (!is_installed("guestmount"))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is read through libguestfs, which is not installed: apt install "
                       "libguestfs-tools; or read the disk over `vmkeep export`",
                       type);
    if (strstr(type, "LVM") && !w->volume)
        return err_set(err, ERR_INVALID,
                       "is a physical volume of LVM: name the logical one with --volume VG/LV");
    if (isatty(STDERR_FILENO))
        fputs("vmkeep: libguestfs boots a small machine for it: some seconds, or up to a minute "
              "without KVM, and 500 MiB of memory\n",
              stderr);
    return mount_with(t, argv, err);
}

int opened_tree_open(const struct tree_wish *w, const char *path, const struct point *p,
                     struct opened_tree *ret, struct err *err)
{
    CLEANUP_FREE char *file = NULL, *type = NULL;
    bool ext = false;
    int rc;

    if (choose_disk(w, path, p, &ret->served, err) < 0 ||
        serve_chosen(w, &ret->served, &ext, &type, err) < 0)
        return -1;
    file = served_path(&ret->served, SERVED_FILE);
    ret->dir = w->dir ? xstrdup(w->dir) : served_path(&ret->served, SERVED_TREE);
    if (!w->dir && mkdir_all(ret->dir, 0700, err) < 0)
        return -1;
    rc = ext ? mount_ext(ret, file, err) : mount_other(ret, w, file, type, err);
    return rc < 0 ? err_wrap(err, "disk %s", ret->served.disks.items[0].name) : 0;
}

int opened_tree_wait(struct opened_tree *t, int ms, struct err *err)
{
    return proc_beside_wait(t->mounter, ms, err);
}

void opened_tree_done(struct opened_tree *t)
{
    struct stat st;

    proc_beside_free(TAKE_PTR(t->mounter));
    if (t->dir && stat(t->dir, &st) < 0 && errno == ENOTCONN) /* it was killed */
        umount2(t->dir, MNT_DETACH | UMOUNT_NOFOLLOW);
    free(TAKE_PTR(t->dir));
    served_done(&t->served);
}

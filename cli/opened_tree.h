/* SPDX-License-Identifier: MIT
 *
 * opened_tree: the files of a point's disk, mounted read-only on a directory.
 *
 * The disk, or a partition of it, is served as a file (served.h) over an overlay that is thrown
 * away, so that the journal of a file system that was not frozen is replayed there: without that
 * its newest files would be missing.  ext2, ext3 and ext4 are then mounted by fuse2fs, all others
 * by guestmount of libguestfs.  No image ever reaches the kernel's own file systems.
 */
#ifndef VMKEEP_CLI_OPENED_TREE_H
#define VMKEEP_CLI_OPENED_TREE_H

#include "cli/served.h"

struct tree_wish {
    const char *disk;    /* NULL: the only one */
    int64_t partition;   /* 0: the only one with files */
    const char *volume;  /* of LVM, "VG/LV"; NULL: none */
    const char *scratch; /* for the overlay; NULL: TMPDIR or /var/tmp */
    const char *dir;     /* where; must be there, and empty; NULL: a private directory */
};

/* What files and mount have in common, whose arguments have a struct tree_wish, wish. */
#define TREE_OPTIONS                                                                               \
    {TEXT("disk", "NAME", wish.disk, "of this disk")},                                             \
        {NUMBER("partition", "N", wish.partition, 1, 256, "of this partition")},                   \
        {TEXT("volume", "VG/LV", wish.volume, "of this logical volume of LVM in it")},             \
    {                                                                                              \
        TEXT("scratch", "DIR", wish.scratch, "for the overlay; TMPDIR, or /var/tmp by default"),   \
            .words = WORD_DIRECTORY                                                                \
    }

struct opened_tree {
    struct served served;
    char *dir;
    struct proc_beside *mounter;
};

/* path: of the repository.  opened_tree_done in either case.  ERR_UNSUPPORTED: a program is
 * missing, which is said. */
int opened_tree_open(const struct tree_wish *w, const char *path, const struct point *p,
                     struct opened_tree *ret, struct err *err);

/* As proc_beside_wait: 1 when somebody has unmounted it. */
int opened_tree_wait(struct opened_tree *t, int ms, struct err *err);

void opened_tree_done(struct opened_tree *t);

#endif

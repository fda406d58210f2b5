/* SPDX-License-Identifier: MIT
 *
 * file_systems: what is on a disk, as partx and blkid of util-linux see it: partitions (GPT, MBR)
 * or one file system on all of it.
 */
#ifndef VMKEEP_CLI_FILE_SYSTEMS_H
#define VMKEEP_CLI_FILE_SYSTEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

struct file_system {
    int partition; /* its number; 0: the whole disk */
    uint64_t offset, length;
    char *type;  /* ext4, xfs, LVM2_member, swap ...; NULL: nothing known is there */
    char *label; /* NULL: none */
};

struct file_systems {
    struct file_system *items;
    size_t n, cap;
};

/* Of a raw image of that many bytes. None: nothing known is on it. */
int file_systems_look(const char *file, uint64_t bytes, struct file_systems *ret, struct err *err);
void file_systems_done(struct file_systems *l);

/* Files can be read from it, or from what is in it. */
bool file_system_has_files(const struct file_system *f);
/* ext2, ext3 or ext4: without libguestfs. */
bool file_system_is_ext(const struct file_system *f);

/* The partition that is meant (0: the only one that has files). ERR_INVALID, ERR_NOTFOUND: the
 * message has all that there are. */
const struct file_system *file_systems_choose(const struct file_systems *l, int64_t partition,
                                              struct err *err);

/* A program that may be in /usr/sbin, which is not in everybody's PATH. */
char *sbin_program(const char *name);

#endif

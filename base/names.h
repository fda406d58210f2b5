/* SPDX-License-Identifier: MIT
 *
 * names: names from outside (domains, hosts, disks, policies) as names of files, reversibly.
 *
 * Letters, digits and - _ . + stay; every other byte becomes %XX.  A leading dot becomes %2E, so
 * nothing is hidden, "." or "..".  The empty name is refused where names are read, not here.
 */
#ifndef VMKEEP_BASE_NAMES_H
#define VMKEEP_BASE_NAMES_H

#include <stdbool.h>

/* Caller frees. */
char *name_escape(const char *name);

/* Caller frees; NULL when s is not what name_escape makes. */
char *name_unescape(const char *s);

/* What libvirt's schema demands of a checkpoint's name: [a-zA-Z0-9_-][a-zA-Z0-9_.-]* */
bool name_is_checkpoint(const char *name);

/* The name of a disk's bitmap of that checkpoint.  Of checkpoints of our own making
 * (vmkeep-CATALOG-JOB) each disk has one of its own name, so that it is never taken for another
 * disk's, whatever happens to images and their order; what people call theirs is one name on all
 * disks.  Caller frees. */
char *checkpoint_bitmap(const char *checkpoint, const char *disk);

/* The reverse: the checkpoint that the bitmap is of, if it is of one.  Caller frees. */
char *bitmap_checkpoint(const char *bitmap);

/* "host/domain": host NULL where none was given. Caller frees both. */
void name_split_domain(const char *s, char **ret_host, char **ret_domain);

#endif

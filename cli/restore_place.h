/* SPDX-License-Identifier: MIT
 *
 * restore_place: may files be written there?  Not where they would lie in a repository, or change
 * an image that is a disk of a domain, or that other images stand on.
 */
#ifndef VMKEEP_CLI_RESTORE_PLACE_H
#define VMKEEP_CLI_RESTORE_PLACE_H

#include "cli/restore_source.h"

/* Refuses a directory inside a repository, and files that are images of domains or that others
 * stand on, by device and inode: p's disks of the names in disks (none: all) would be
 * DIR/NAME.FORMAT. */
int restore_place_check(const struct restore_source *s, const struct point *p, const char *dir,
                        const char *format, const struct strlist *disks, struct err *err);

/* Refuses a file that an image stands on, as far as that can be known: one of a disk of the
 * configuration or of the known points' domains, or one in the same directory. */
int restore_place_alone(const struct restore_source *s, const char *file, struct err *err);

#endif

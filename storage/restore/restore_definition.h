/* SPDX-License-Identifier: MIT
 *
 * Private to storage/restore*: what a restored domain is started or defined with, made of the
 * definition that its point keeps.
 */
#ifndef VMKEEP_STORAGE_RESTORE_RESTORE_DEFINITION_H
#define VMKEEP_STORAGE_RESTORE_RESTORE_DEFINITION_H

#include "storage/restore/restore.h"

struct restore_definition {
    char *text; /* NULL: there is none */
    bool is_script;
    char *nvram, *nvram_from; /* the file of UEFI variables, and what it is a copy of; NULL: none */
    char *tpm, *tpm_from;     /* the same of a TPM's state */
};

/* Writes what was planned; *made: notes each file first. */
int restore_definition_write(const struct restore_definition *d, const char *path,
                             struct strlist *made, struct err *err);

/* Of the point in ret and of the disks there; fills in ret's definition, its name and notes.  None
 * is made when a disk is left out: there is nothing to start.  to: the directory, absolute. */
int restore_definition_plan(const struct restore_request *r, const char *to,
                            struct restore_definition *ret_definition, struct restore_result *ret,
                            struct err *err);
void restore_definition_done(struct restore_definition *d);

#endif

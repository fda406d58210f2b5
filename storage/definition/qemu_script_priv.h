/* SPDX-License-Identifier: MIT
 *
 * Private to storage/qemu_script*.c.
 */
#ifndef VMKEEP_STORAGE_DEFINITION_QEMU_SCRIPT_PRIV_H
#define VMKEEP_STORAGE_DEFINITION_QEMU_SCRIPT_PRIV_H

#include <stdbool.h>

#include "storage/definition/qemu_options.h"
#include "storage/definition/qemu_script.h"

struct script {
    const struct script_request *r;
    struct qemu_command command;
    char **instead;         /* of each option: its new value; NULL: as it was */
    bool *dropped;          /* of each option */
    struct strlist gone;    /* ids and node names of disks that are left out */
    struct strlist remarks; /* what is different, a line each */
    char *cwd;              /* where relative names begin; NULL: nobody knows */
    unsigned networks;
};

const struct qemu_option *script_option(const struct script *s, size_t i);
/* The list ends with NULL. */
bool script_is_one_of(const char *name, const char *const *names);
__attribute__((format(printf, 2, 3))) void script_remark(struct script *s, const char *fmt, ...);
void script_drop(struct script *s, size_t i, const char *why);
/* Takes the value over. */
void script_replace(struct script *s, size_t i, char *value);
/* ",KEY=VALUE" of each of the keys that the value has.  Caller frees. */
char *script_keep(const char *value, const char *const *keys);

/* -blockdev, -drive, and -hda and its kin: onto the restored image, or left out. */
void script_decide_node(struct script *s, size_t i);
void script_decide_drive(struct script *s, size_t i);
void script_decide_image(struct script *s, size_t i);

#endif

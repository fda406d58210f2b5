/* SPDX-License-Identifier: MIT
 *
 * restored: what a restore has written, or would write, and how it is used.
 */
#ifndef VMKEEP_CLI_RESTORED_H
#define VMKEEP_CLI_RESTORED_H

#include "cli/restore_define.h"
#include "storage/restore/restore.h"

struct restored {
    const struct restore_result *result;
    const struct restore_define *define; /* what else was done */
    const char *format;
    bool dry_run;
};

void restored_print_json(const struct restored *r);
void restored_print_text(const struct restored *r);

#endif

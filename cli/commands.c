/* SPDX-License-Identifier: MIT
 *
 * commands: all of them, in the order of --help.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"

const struct command *const commands[] = {
    &cmd_init,
    &cmd_check,
    &cmd_status,
    &cmd_report,
    &cmd_metrics,
    &cmd_run,
    &cmd_jobs,
    &cmd_cancel,
    &cmd_reload,
    &cmd_points,
    &cmd_restore,
    &cmd_export,
    &cmd_files,
    &cmd_mount,
    &cmd_verify,
    &cmd_copy,
    &cmd_prune,
    &cmd_delete,
    &cmd_pin,
    &cmd_unpin,
    &cmd_repository,
    &cmd_explain,
    &cmd_domains,
    &cmd_doctor,
    &cmd_notify,
    &cmd_rebuild_catalog,
    &cmd_backup_begin,
    &cmd_backup_dumpxml,
    &cmd_domjobinfo,
    &cmd_domjobabort,
    &cmd_event,
    &cmd_checkpoint_create,
    &cmd_checkpoint_create_as,
    &cmd_checkpoint_list,
    &cmd_checkpoint_dumpxml,
    &cmd_checkpoint_info,
    &cmd_checkpoint_parent,
    &cmd_checkpoint_edit,
    &cmd_checkpoint_delete,
    &cmd_checkpoint_prune,
    &cmd_calendar,
    &cmd_retention,
    &cmd_simulate,
    &cmd_complete,
    NULL,
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

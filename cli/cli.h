/* SPDX-License-Identifier: MIT
 *
 * cli: what the subcommands of `vmkeep` share.  A subcommand is one file, cmd_NAME.c, with one
 * function that main.c calls with the subcommand's name as argv[0]; it returns the exit code.
 * Results go to standard output, errors to standard error as "vmkeep: WHERE: WHY".
 */
#ifndef VMKEEP_CLI_CLI_H
#define VMKEEP_CLI_CLI_H

#include <getopt.h>

#include "base/err.h"
#include "policies/config.h"
#include "storage/catalog.h"

enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,  /* bad usage or configuration */
    EXIT_PARTLY = 3, /* some of it failed; status: a domain is not protected */
    EXIT_NOT_FOUND = 4,
    EXIT_BUSY = 5,
    EXIT_NO_DAEMON = 6,
    EXIT_DAMAGED = 7,
    EXIT_INTERRUPTED = 130,
};

int cmd_backup_begin(int argc, char **argv);
int cmd_backup_dumpxml(int argc, char **argv);
int cmd_calendar(int argc, char **argv);
int cmd_cancel(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_checkpoint_create(int argc, char **argv);
int cmd_checkpoint_create_as(int argc, char **argv);
int cmd_checkpoint_delete(int argc, char **argv);
int cmd_checkpoint_dumpxml(int argc, char **argv);
int cmd_checkpoint_edit(int argc, char **argv);
int cmd_checkpoint_info(int argc, char **argv);
int cmd_checkpoint_list(int argc, char **argv);
int cmd_checkpoint_parent(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_domains(int argc, char **argv);
int cmd_domjobabort(int argc, char **argv);
int cmd_domjobinfo(int argc, char **argv);
int cmd_event(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_jobs(int argc, char **argv);
int cmd_points(int argc, char **argv);
int cmd_prune(int argc, char **argv);
int cmd_rebuild_catalog(int argc, char **argv);
int cmd_repository(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_retention(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);

/* From --config FILE, which main takes out of the arguments wherever it stands. */
const char *cli_config_path(void);

/* As getopt_long(argc, argv, "", options, NULL), with -h for --help; a bad option is reported
 * the way all errors are; '?' then, and the command returns EXIT_USAGE. */
int cli_option(int argc, char **argv, const struct option *options);

/* An operand that may also be given by name, as virsh takes it: given, or else the next
 * argument; NULL: there is none. */
const char *cli_operand(int argc, char **argv, const char *given);

/* "vmkeep: WHERE: WHY" for a wrong argument; returns EXIT_USAGE. */
int cli_usage(const char *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads the configuration; 0, or EXIT_USAGE when its diagnostics have been printed. */
int cli_load_config(struct config **ret);

/* Opens the catalog read-only; 0, or an exit code when the error has been printed. */
int cli_open_catalog(const struct config *config, struct catalog **ret);

/* Both, then run, whose exit code is returned. */
int cli_with_catalog(int (*run)(void *arg, const struct config *config, struct catalog *catalog),
                     void *arg);

/* Prints "vmkeep: WHERE: WHY" (where NULL: "vmkeep: WHY") and returns the exit code for the
 * error. */
int cli_fail(const char *where, const struct err *err);

#endif

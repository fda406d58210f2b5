/* SPDX-License-Identifier: MIT
 *
 * cli: what the commands of `vmkeep` share beside their tables (cli/command.h).
 * Results go to standard output, errors to standard error as "vmkeep: WHERE: WHY".
 */
#ifndef VMKEEP_CLI_CLI_H
#define VMKEEP_CLI_CLI_H

#include "base/err.h"
#include "cli/command.h"
#include "policies/config_file.h"
#include "storage/catalog/catalog.h"

enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,  /* bad usage or configuration */
    EXIT_PARTLY = 3, /* some of it failed; status: a domain is not protected */
    EXIT_NOT_FOUND = 4,
    EXIT_TROUBLE = 4, /* of status: nothing is at risk yet, but it is not as it should be */
    EXIT_BUSY = 5,
    EXIT_NO_DAEMON = 6,
    EXIT_DAMAGED = 7,
    EXIT_INTERRUPTED = 130,
};

extern const struct command cmd_backup_begin;
extern const struct command cmd_backup_dumpxml;
extern const struct command cmd_calendar;
extern const struct command cmd_cancel;
extern const struct command cmd_check;
extern const struct command cmd_checkpoint_create;
extern const struct command cmd_checkpoint_create_as;
extern const struct command cmd_checkpoint_delete;
extern const struct command cmd_checkpoint_dumpxml;
extern const struct command cmd_checkpoint_edit;
extern const struct command cmd_checkpoint_info;
extern const struct command cmd_checkpoint_list;
extern const struct command cmd_checkpoint_parent;
extern const struct command cmd_checkpoint_prune;
extern const struct command cmd_complete;
extern const struct command cmd_delete;
extern const struct command cmd_doctor;
extern const struct command cmd_domains;
extern const struct command cmd_domjobabort;
extern const struct command cmd_domjobinfo;
extern const struct command cmd_event;
extern const struct command cmd_explain;
extern const struct command cmd_export;
extern const struct command cmd_files;
extern const struct command cmd_init;
extern const struct command cmd_jobs;
extern const struct command cmd_metrics;
extern const struct command cmd_mount;
extern const struct command cmd_notify;
extern const struct command cmd_pin;
extern const struct command cmd_points;
extern const struct command cmd_copy;
extern const struct command cmd_prune;
extern const struct command cmd_rebuild_catalog;
extern const struct command cmd_reload;
extern const struct command cmd_report;
extern const struct command cmd_repository;
extern const struct command cmd_restore;
extern const struct command cmd_retention;
extern const struct command cmd_run;
extern const struct command cmd_simulate;
extern const struct command cmd_status;
extern const struct command cmd_unpin;
extern const struct command cmd_verify;

/* From --config FILE, which main takes out of the arguments wherever it stands. */
const char *cli_config_path(void);
void cli_set_config_path(const char *path); /* borrowed */

/* "vmkeep: WHERE: WHY" for a wrong argument; returns EXIT_USAGE. */
int cli_usage(const char *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads the configuration; while it is broken, the daemon's copy of the last good one, with a word
 * on standard error.  0, or EXIT_USAGE when the errors have been printed. */
int cli_load_config(struct config **ret);
/* What is broken, when that has been found so, NULL: nothing; and what to do about it. */
const char *cli_config_problem(void);
const char *cli_config_advice(void);
/* That the configuration that was read is another one than the daemon goes by; NULL: it is not, as
 * far as is known. */
const char *cli_config_unread(void);
/* NULL: no policy has that name, and err asks which one was meant. */
const struct config_policy *cli_find_policy(const struct config *config, const char *name,
                                            struct err *err);
/* The file itself or nothing: for what acts by it without the daemon. */
int cli_load_config_strictly(struct config **ret);

/* Opens the catalog read-only; 0, or an exit code when the error has been printed. */
int cli_open_catalog(const struct config *config, struct catalog **ret);

/* Both, then run, whose exit code is returned. */
int cli_with_catalog(int (*run)(void *arg, const struct config *config, struct catalog *catalog),
                     void *arg);

/* Prints "vmkeep: WHERE: WHY" (where NULL: "vmkeep: WHY") and returns the exit code for the
 * error. */
int cli_fail(const char *where, const struct err *err);

#endif
